#!lua
-- A decision: sender's number, checks, then events, then writes; all or
-- nothing.  ARGV[1] is msgpack, its form is in docs/internals/keys.md.
-- include sender.lua

local t = cmsgpack.unpack(ARGV[1])
local s = t.s

local field = s and 'i:' .. s[2]
local answer = s and refused(KEYS[s[1]], field, s[3],
                             ('%.0f '):format(s[3] - 1))
if answer then
    return answer
end

for i, c in ipairs(t.c) do
    local found, op = call('HGET', KEYS[c[1]], c[2]), c[3]
    if op == '=' and found ~= c[4] or op == '!' and found
       or op == '?' and not found
       or op == '<' and not ((tonumber(found) or 0) < tonumber(c[4]))
    then
        return { 'conflict', i - 1, found or '' }
    end
end

-- events of one decision have one time
local id, seq, at = '0-0', 0, '*'
for _, e in ipairs(t.e) do
    local log, list, dialog, public, event, facts, route, body = unpack(e)
    seq = public and (tonumber(call('HGET', KEYS[dialog], 'seq')) or 0) + 1
          or 0
    facts = event .. ' ' .. seq .. ' ' .. facts
    id = call('XADD', KEYS[log], at, 'h', facts .. ' ' .. route, 'b', body)
    at = id:match('^%d+') .. '-*'
    if list > 0 then
        call('RPUSH', KEYS[list], id .. ' ' .. facts .. ' ' .. body)
        call('HSET', KEYS[dialog], 'last', id)
        if public then
            call('HSET', KEYS[dialog], 'seq', seq)
        end
    end
end

local ms = tonumber(id:match('^%d+'))
for _, w in ipairs(t.w) do
    w[2] = KEYS[w[2]]
    for i = 3, #w do
        if w[i] == true then
            w[i] = id
        elseif type(w[i]) == 'number' then
            w[i] = ('%.0f'):format(ms + w[i])
        end
    end
    call(unpack(w))
end

if s then
    accept(KEYS[s[1]], field, s[3], id, s[4], seq)
end
return { 'ok', id, seq, s and s[4] or '' }
