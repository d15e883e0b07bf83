-- A pass by its serial number and nothing else: the limit of a conditional GET.
\set card random(0, :clients * :cards_per_client - 1)
SELECT org, id, kind, card, programme, voucher, kid, generation, link_generation, version, last_modified, seq, state, document_version,
    change_kind, change_points, change_at, auth_kid, on_google FROM passes WHERE id = {pass};
