#!lua
-- Messages.  KEYS: for each dialog, list, sender, open, log.  ARGV: for each
-- "<instance>:<n>", what its entry begins with if n is next (sender.lua), by
-- ("visitor" or "operator"), its route or owner, event, body.  What is taken
-- is answered by one text, "<id> <seq>".
--
-- Dialogs and senders are read once and written once for the whole batch.
-- Numbers stay texts where they can, and texts are few: Redis' Lua hashes
-- every byte of each, and that is what costs here.  `open` has a dialog by
-- the second of its last event (ten digits): a lively one moves there once a
-- second.
--
-- What fails between two writes (a right that is taken away, a key of another
-- type) stops the batch there: those before it are complete, and numbered.
-- include sender.lua

local names, slot = {}, {}

local function name(key)
    if not slot[key] then
        names[#names + 1] = key
        slot[key] = #names
    end
end

for k = 1, #KEYS, 5 do
    name(KEYS[k])
    name(KEYS[k + 2])
end

local value, taken = call('MGET', unpack(names)), 0

-- of another type is not absent: that would be written over
for i = 1, #names do
    if not value[i] then
        call('GET', names[i])
    end
end

if not redis.acl_check_cmd('mset', names[1], '') then
    return redis.error_reply('NOPERM this user has no permissions to run '
        .. "the 'mset' command on our keys in a script")
end

-- of a dialog: what messages leave alone, and of that what they ask for; what
-- they move
local STATE = '^((%d) %d+ (%d+) (%S+) (%S+))'
              .. ' (%d+) (%d+) (%d+) (%d) (%S+)$'

local function append(k, a)
    local dialog, sender, me = slot[KEYS[k]], slot[KEYS[k + 2]], ARGV[a]

    local answer, front, behind = place(value[sender], ARGV[a + 1], me)
    if answer then
        return answer
    elseif not value[dialog] then
        return { 'absent' }
    end

    local head, state, owner, route, id, seq, wait, start, answered, last =
        match(value[dialog], STATE)
    local visitor = ARGV[a + 2] == 'visitor'
    if state == '3' then
        return { 'closed' }
    elseif (visitor and route or owner) ~= ARGV[a + 3] then
        return { 'denied' }
    end

    seq = format('%d', seq + 1)
    local waited, started = '0', '0'
    if not visitor then
        waited = wait
        started = answered == '1' and '0' or start
    end
    local facts = ARGV[a + 4] .. ' ' .. seq .. ' ' .. me .. ' ' .. owner
                  .. ' ' .. waited .. ' ' .. started

    local at = call('XADD', KEYS[k + 4], '*',
                    'h', facts .. ' ' .. route .. ' ' .. id,
                    'b', ARGV[a + 5])
    call('RPUSH', KEYS[k + 1], at .. ' ' .. facts, ARGV[a + 5])

    if not visitor then
        wait, answered = '0', '1'
    elseif wait == '0' then
        wait = match(at, '^%d+')
        start = start == '0' and wait or start
    end
    value[dialog] = head .. ' ' .. seq .. ' ' .. wait .. ' ' .. start
                    .. ' ' .. answered .. ' ' .. at
    value[sender] = front .. ';' .. me .. ' ' .. at .. ' ' .. id .. ' '
                    .. seq .. behind
    taken = taken + 1
    if sub(last, 1, 10) ~= sub(at, 1, 10) then
        call('ZADD', KEYS[k + 3], match(at, '^%d+'), id)
    end

    return at .. ' ' .. seq
end

local out, done = {}, true
for i = 0, #ARGV / 6 - 1 do
    done, out[i + 1] = pcall(append, 5 * i + 1, 6 * i + 1)
    if not done then
        out = redis.error_reply(out[i + 1].err or out[i + 1])
        break
    end
end

-- beside those who are refused nothing changes: they keep their texts
if taken > 0 then
    local set = {}
    for i = 1, #names do
        if value[i] then
            set[#set + 1] = names[i]
            set[#set + 1] = value[i]
        end
    end
    call('MSET', unpack(set))
end
return out
