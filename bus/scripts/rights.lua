#!lua flags=no-writes,allow-oom
-- May this user do what append and commit do?  A script that is stopped half
-- way leaves an event in the log which its dialog does not have, and Redis
-- does not tell then what was missing.  KEYS[1] is any key of ours.

local k = KEYS[1]
for _, c in ipairs({
    { 'xadd', k, '*', 'h', '' }, { 'rpush', k, '' }, { 'del', k },
    { 'get', k }, { 'mget', k }, { 'set', k, '' }, { 'mset', k, '' },
    { 'hget', k, 'f' }, { 'hset', k, 'f', '' }, { 'hsetnx', k, 'f', '' },
    { 'hdel', k, 'f' }, { 'zadd', k, '0', '' }, { 'zrem', k, '' },
    { 'zremrangebyscore', k, '0', '0' }, { 'expireat', k, '0' },
}) do
    if not redis.acl_check_cmd(unpack(c)) then
        return redis.error_reply('NOPERM this user has no permissions to '
            .. "run the '" .. c[1] .. "' command on our keys in a script")
    end
end
return redis.status_reply('OK')
