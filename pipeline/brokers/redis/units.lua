-- What settle.lua and commit.lua share: reading a unit of work from ARGV and comparing what it read.
-- Stands before both in one script, and writes.lua before it.
--
-- A unit in ARGV, from position at:
--   number of checks, then for each: code, index into KEYS, number of arguments, arguments
--   number of writes, then for each as in writes.lua

-- True where the store still answers what the unit read.
local holds = {
    g = function(key, at)
        local value = redis.call('GET', key)
        if ARGV[at] == '0' then return not value end
        return value == ARGV[at + 1]
    end,
    n = function(key, at)
        return (redis.call('GET', key) or '0') == ARGV[at]
    end,
    f = function(key, at)
        local value = redis.call('HGET', key, ARGV[at])
        if ARGV[at + 1] == '0' then return not value end
        return value == ARGV[at + 2]
    end,
    a = function(key, at, argc)
        if redis.call('HLEN', key) * 2 ~= argc then return false end
        for i = at, at + argc - 1, 2 do
            if redis.call('HGET', key, ARGV[i]) ~= ARGV[i + 1] then return false end
        end
        return true
    end,
    s = function(key, at)
        return tostring(redis.call('SISMEMBER', key, ARGV[at])) == ARGV[at + 1]
    end,
    z = function(key, at)
        local score = redis.call('ZSCORE', key, ARGV[at])
        if ARGV[at + 1] == '0' then return not score end
        return score and tonumber(score) == tonumber(ARGV[at + 2])
    end,
}
local CHECKED = {g = 'string', n = 'string', f = 'hash', a = 'hash', s = 'set', z = 'zset'}

-- Reads the unit at a position. Answers where it ends, its verdict (nothing, 'C' or 'E:why') and
-- where its writes start.
local function examine(at)
    local verdict
    local count = tonumber(ARGV[at])
    at = at + 1
    for _ = 1, count do
        local code, n, argc = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
        at = at + 3
        if not verdict then
            local kind = kind_of(n)
            if kind ~= 'none' and kind ~= CHECKED[code] then
                verdict = 'E:' .. KEYS[n] .. ' holds a ' .. kind .. ', not a ' .. CHECKED[code]
            elseif not holds[code](KEYS[n], at, argc) then
                verdict = 'C'
            end
        end
        at = at + argc
    end
    local writes = at
    count = tonumber(ARGV[at])
    at = at + 1
    for _ = 1, count do
        local n, argc = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
        if not verdict then
            local why = refused(ARGV[at], n, at + 3, argc)
            if why then verdict = 'E:' .. why end
        end
        at = at + 3 + argc
    end
    return at, verdict, writes
end
