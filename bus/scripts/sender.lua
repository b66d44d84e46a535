-- A sender: "<dialog>;<instance>:<n> <id> <dialog> <seq>;...", the instance
-- that wrote last first; in front a visitor's dialog, or nothing.

local call = redis.call
local find, match, sub, format = string.find, string.match, string.sub,
                                 string.format

-- Is `me`, "<instance>:<n>", the next number?  nil, and what stands in front
-- of its new entry and behind it; or the answer to give.  `before` is a
-- semicolon, the instance, a colon, the number before n and a blank.
local function place(sender, before, me)
    local v = sender or ''
    local at = find(v, before, 1, true)
    if at then
        local first = find(v, ';', 1, true)
        local behind = find(v, ';', at + 1, true)
        behind = behind and sub(v, behind) or ''
        if at > first then
            behind = sub(v, first, at - 1) .. behind
        end
        return nil, sub(v, 1, first - 1), behind
    end

    local instance, n = match(me, '^(.*):(%d+)$')
    local _, colon = find(v, ';' .. instance .. ':', 1, true)
    if colon then
        local last, id, dialog, seq = match(v, '^(%d+) (%S+) (%S*) (%d+)',
                                            colon + 1)
        last = tonumber(last)
        if tonumber(n) > last then
            return { 'gap', last + 1 }
        end
        return { 'already', id, tonumber(seq), dialog }
    elseif n ~= '1' then
        return { 'gap', 1 }
    end

    -- a new instance: the 17th pushes out the one silent longest
    local front, behind = match(v, '^([^;]*)(.*)$')
    if select(2, behind:gsub(';', ';')) >= 16 then
        behind = match(behind, '^(.*);')
    end
    return nil, front, behind
end
