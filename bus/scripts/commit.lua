#!lua
-- A decision: sender's number, checks, then events, then writes; all or
-- nothing.  ARGV[1] is msgpack, its form is in docs/internals/keys.md.
-- include sender.lua

local t = cmsgpack.unpack(ARGV[1])
local s, d = t.s, t.d

local me, answer, front, behind
if s then
    me = s[2] .. ':' .. s[3]
    answer, front, behind = place(call('GET', KEYS[s[1]]),
                                  (';%s:%.0f '):format(s[2], s[3] - 1), me)
    if answer then
        return answer
    end
end

local head, last, seq = '', '0-0', 0
local wait, start, answered = '0', '0', '0'
if d then
    local state = call('GET', KEYS[d[1]])
    if state then
        head, seq, wait, start, answered, last = match(state,
            '^(%d %d+ %d+ %S+ %S+) (%d+) (%d+) (%d+) (%d) (%S+)$')
    end
    if head ~= d[2] or d[3] and last ~= d[3]
       or s and s[5] and s[5] ~= front
    then
        return { 'conflict', #t.c, head }
    end
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
local id, at, number = '0-0', '*', 0
for _, e in ipairs(t.e) do
    local log, list, public, event, facts, route, body = unpack(e)
    number = 0
    if public then
        seq = seq + 1
        number = seq
    end
    facts = event .. ' ' .. number .. ' ' .. facts
    id = call('XADD', KEYS[log], at, 'h', facts .. ' ' .. route, 'b', body)
    at = match(id, '^%d+') .. '-*'
    if list > 0 then
        call('RPUSH', KEYS[list], id .. ' ' .. facts, body)
        last = id
    end
end

local ms = tonumber(match(id, '^%d+'))

-- as a text; true stands for the last event's id, a number N for its ms + N
local function text(v)
    return v == true and id
           or type(v) == 'number' and format('%.0f', ms + v) or v
end

if d and d[4] then
    local about, as, w, b, a, opened, queued, closed, rest = unpack(d[4])
    call('SET', KEYS[d[1]], as .. ' ' .. format('%.0f', seq) .. ' '
         .. (text(w) or wait) .. ' ' .. (text(b) or start) .. ' '
         .. (a or answered) .. ' ' .. last)
    if about > 0 then
        call('SET', KEYS[about], text(opened) .. ' ' .. text(queued) .. ' '
             .. text(closed) .. ' ' .. rest)
    end
end

for _, w in ipairs(t.w) do
    w[2] = KEYS[w[2]]
    for i = 3, #w do
        w[i] = text(w[i])
    end
    call(unpack(w))
end

if s then
    call('SET', KEYS[s[1]], (s[6] or front) .. ';' .. me .. ' ' .. id
         .. ' ' .. s[4] .. ' ' .. format('%.0f', number) .. behind)
end
return { 'ok', id, number, s and s[4] or '' }
