-- One limit: GCRA over up to three rules, charged all or none. The same as `ask` in rules.rs.
-- KEYS[1]  the limit; its value is the rules' theoretical arrival times in microseconds, separated by spaces
-- ARGV     now in microseconds ('' = this server's clock), slack in ms for the expiry, 'take' or 'look', how many at once, then interval and burst of each rule
-- Answers the microseconds to wait; 0 = allowed.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local stored = redis.pcall('GET', KEYS[1])
local arrivals = {}
if type(stored) == 'string' then
  for number in string.gmatch(stored, '%d+') do
    arrivals[#arrivals + 1] = tonumber(number)
  end
end

local wait, last, moved = 0, now, {}
local count = tonumber(ARGV[4])
for at = 5, #ARGV, 2 do
  local rule = #moved + 1
  local interval, burst = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  -- Further ahead than a whole burst: a clock was set back, or the value is not ours.
  local from = math.min(math.max(arrivals[rule] or 0, now), now + interval * math.max(burst, count))
  wait = math.max(wait, from - now - interval * math.max(burst - count, 0))
  last = math.max(last, from + interval * count)
  moved[rule] = string.format('%.0f', from + interval * count)
end

if wait == 0 and ARGV[3] == 'take' and #moved > 0 then
  local keep = math.ceil((last - now) / 1000) + tonumber(ARGV[2])
  redis.call('SET', KEYS[1], table.concat(moved, ' '), 'PX', string.format('%.0f', keep))
end
return wait
