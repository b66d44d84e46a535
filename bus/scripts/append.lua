#!lua
-- Messages.  KEYS: for each dialog, list, sender, open, log.  ARGV: for each
-- instance, n, by ("visitor" or "operator"), its route or owner, dialog,
-- event, body.  Numbers stay texts where they can: turning one into the other
-- is what costs here.  `open` has a dialog by the second of its last event
-- (ten digits): a lively one moves there once a second.
-- include sender.lua

local function append(k, a)
    local dialog, sender, id, n = KEYS[k], KEYS[k + 2], ARGV[a + 4],
                                  ARGV[a + 1]

    local answer = refused(sender, ARGV[a], tonumber(n))
    if answer then
        return answer
    end

    local state, route, owner, seq, wait, start, answered, last = unpack(
        call('HMGET', dialog, 'state', 'route', 'owner', 'seq', 'wait',
             'start', 'answered', 'last'))
    local waits = wait and wait ~= '0'
    local visitor = ARGV[a + 2] == 'visitor'
    if not state then
        return { 'absent' }
    elseif state == '3' then
        return { 'closed' }
    elseif (visitor and route or owner) ~= ARGV[a + 3] then
        return { 'denied' }
    end

    seq = tostring((seq or 0) + 1)
    local facts = ARGV[a + 5] .. ' ' .. seq .. ' ' .. ARGV[a] .. ':' .. n
                  .. ' ' .. (owner or '0')
    if visitor then
        facts = facts .. ' 0 0 '
    else
        facts = facts .. ' ' .. (wait or '0') .. ' '
                .. (answered ~= '1' and start or '0') .. ' '
    end

    local at = call('XADD', KEYS[k + 4], '*',
                    'h', facts .. route .. ' ' .. id, 'b', ARGV[a + 6])
    local ms = at:match('^%d+')
    call('RPUSH', KEYS[k + 1], at .. ' ' .. facts .. ARGV[a + 6])

    if not visitor and (waits or answered ~= '1') then
        call('HSET', dialog, 'seq', seq, 'last', at, 'answered', '1', 'wait',
             '0')
    elseif visitor and not waits then
        call('HSET', dialog, 'seq', seq, 'last', at, 'wait', ms,
             'start', start or ms)
    else
        call('HSET', dialog, 'seq', seq, 'last', at)
    end
    accept(sender, ARGV[a], n, at, id, seq)
    if not last or last:sub(1, 10) ~= at:sub(1, 10) then
        call('ZADD', KEYS[k + 3], ms, id)
    end

    return { 'ok', at, tonumber(seq), id }
end

local out = {}
for i = 0, #ARGV / 7 - 1 do
    out[i + 1] = append(5 * i + 1, 7 * i + 1)
end
return out
