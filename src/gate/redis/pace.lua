-- One pace rule: so many different operations until the key expires. The same as `mark` in rules.rs.
-- KEYS[1]  the set of operations of one card, terminal and local day
-- ARGV     the operation ('' = only look), how many are allowed, milliseconds until the day ends
-- Answers 0 = full, 1 = room (and marked), 2 = marked before.
local op = ARGV[1]
if op ~= '' and redis.call('SISMEMBER', KEYS[1], op) == 1 then
  return 2
end
if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
if op ~= '' then
  redis.call('SADD', KEYS[1], op)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
