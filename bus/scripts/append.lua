#!lua
-- Messages of one partition.  KEYS: log, then for each message dialog, list,
-- sender, open, dialogs.  ARGV: for each instance, n, by ("visitor" or
-- "operator"), its route or owner, dialog, event, body.
-- include sender.lua

local function append(k, a)
    local dialog, sender = KEYS[k], KEYS[k + 2]
    local instance, n, by = ARGV[a], tonumber(ARGV[a + 1]), ARGV[a + 2]

    local answer = refused(sender, instance, n)
    if answer then
        return answer
    end

    local d = call('HMGET', dialog, 'state', 'route', 'owner', 'seq',
                   'wait', 'start', 'answered')
    local state, route, owner, seq, wait, start, answered = unpack(d)
    if not state then
        return { 'absent' }
    elseif state == '3' then
        return { 'closed' }
    elseif (by == 'visitor' and route or owner) ~= ARGV[a + 3] then
        return { 'denied' }
    end

    local first = by == 'operator' and answered ~= '1'
    seq = (tonumber(seq) or 0) + 1
    local facts = ARGV[a + 5] .. ' ' .. seq .. ' ' .. instance .. ':' .. n
                  .. ' ' .. (owner or '0')
                  .. (by == 'operator' and wait and ' ' .. wait or ' 0')
                  .. (first and start and ' ' .. start or ' 0')
    local id = call('XADD', KEYS[1], '*',
                    'h', facts .. ' ' .. route .. ' ' .. ARGV[a + 4],
                    'b', ARGV[a + 6])
    local ms = id:match('^%d+')

    call('RPUSH', KEYS[k + 1], id .. ' ' .. facts .. ' ' .. ARGV[a + 6])
    if by == 'operator' then
        call('HSET', dialog, 'seq', seq, 'last', id, 'answered', '1')
        if wait then
            call('HDEL', dialog, 'wait')
        end
    elseif wait and start then
        call('HSET', dialog, 'seq', seq, 'last', id)
    else
        call('HSET', dialog, 'seq', seq, 'last', id,
             'wait', wait or ms, 'start', start or ms)
    end
    accept(sender, instance, n, id, ARGV[a + 4], seq)
    call('ZADD', KEYS[k + 3], ms, ARGV[a + 4])
    call('ZADD', KEYS[k + 4], ms, ARGV[a + 4])

    return { 'ok', id, seq, ARGV[a + 4] }
end

local out = {}
for i = 0, #ARGV / 7 - 1 do
    out[i + 1] = append(5 * i + 2, 7 * i + 1)
end
return out
