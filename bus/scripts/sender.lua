-- A sender's numbers: its hash has i:<instance> = "<n> <id> <dialog> <seq>".

local call, find, sub = redis.call, string.find, string.sub

-- nil if n is the next number of the instance, else the answer to give;
-- before is the number before n and a blank
local function refused(key, field, n, before)
    local v = call('HGET', key, field)
    if v and find(v, before, 1, true) == 1 or not v and n == '1' then
        return nil
    end
    local last = v and tonumber(v:match('^%d+')) or 0
    if not v or tonumber(n) > last then
        return { 'gap', last + 1 }
    end
    local id, dialog, seq = v:match('^%d+ (%S+) (%S*) (%d+)$')
    return { 'already', id, tonumber(seq), dialog }
end

-- n = 1 comes of a new instance: the 17th pushes out the one silent longest
local function evict(key)
    local h, count, oldest, at, after = call('HGETALL', key), 0
    for i = 1, #h, 2 do
        if h[i]:sub(1, 2) == 'i:' then
            local ms, seq = h[i + 1]:match('^%d+ (%d+)-(%d+)')
            ms, seq, count = tonumber(ms), tonumber(seq), count + 1
            if not at or ms < at or ms == at and seq < after then
                oldest, at, after = h[i], ms, seq
            end
        end
    end
    if count >= 16 then
        call('HDEL', key, oldest)
    end
end

local function accept(key, field, n, id, dialog, seq)
    if n == '1' and call('HLEN', key) >= 16 then
        evict(key)
    end
    call('HSET', key, field,
         n .. ' ' .. id .. ' ' .. dialog .. ' ' .. seq)
end
