#!lua
-- Messages.  KEYS: for each dialog, list, sender, open, log.  ARGV: for each
-- instance, n, the number before it and a blank, by ("visitor" or
-- "operator"), its route or owner, dialog, event, body.  What is taken is
-- answered by one text, "<id> <seq>".
--
-- Numbers stay texts where they can, and texts are few: Redis' Lua hashes
-- every byte of each, and that is what costs here.  `open` has a dialog by
-- the second of its last event (ten digits): a lively one moves there once a
-- second.
-- include sender.lua

local function append(k, a)
    local dialog, sender, id, n = KEYS[k], KEYS[k + 2], ARGV[a + 5],
                                  ARGV[a + 1]
    local field = 'i:' .. ARGV[a]

    local answer = refused(sender, field, n, ARGV[a + 2])
    if answer then
        return answer
    end

    local state, route, owner, seq, wait, start, answered, last = unpack(
        call('HMGET', dialog, 'state', 'route', 'owner', 'seq', 'wait',
             'start', 'answered', 'last'))
    local waits = wait and wait ~= '0'
    local visitor = ARGV[a + 3] == 'visitor'
    if not state then
        return { 'absent' }
    elseif state == '3' then
        return { 'closed' }
    elseif (visitor and route or owner) ~= ARGV[a + 4] then
        return { 'denied' }
    end

    seq = tostring((seq or 0) + 1)
    local waited, started = '0', '0'
    if not visitor then
        waited = wait or '0'
        started = answered ~= '1' and start or '0'
    end
    local facts = ARGV[a + 6] .. ' ' .. seq .. ' ' .. ARGV[a] .. ':' .. n
                  .. ' ' .. (owner or '0') .. ' ' .. waited .. ' ' .. started
                  .. ' '

    local at = call('XADD', KEYS[k + 4], '*',
                    'h', facts .. route .. ' ' .. id, 'b', ARGV[a + 7])
    call('RPUSH', KEYS[k + 1], at .. ' ' .. facts .. ARGV[a + 7])

    if not visitor and (waits or answered ~= '1') then
        call('HSET', dialog, 'seq', seq, 'last', at, 'answered', '1', 'wait',
             '0')
    elseif visitor and not waits then
        local ms = at:match('^%d+')
        call('HSET', dialog, 'seq', seq, 'last', at, 'wait', ms,
             'start', start or ms)
    else
        call('HSET', dialog, 'seq', seq, 'last', at)
    end
    accept(sender, field, n, at, id, seq)
    if not last or sub(last, 1, 10) ~= sub(at, 1, 10) then
        call('ZADD', KEYS[k + 3], at:match('^%d+'), id)
    end

    return at .. ' ' .. seq
end

local out = {}
for i = 0, #ARGV / 8 - 1 do
    out[i + 1] = append(5 * i + 1, 8 * i + 1)
end
return out
