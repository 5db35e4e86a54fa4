-- How far a group has read a stream; stands before the scripts that read in order.

-- The last id that was given out; nothing when there is no such group.
local function position(stream, name)
    local groups = redis.pcall('XINFO', 'GROUPS', stream)
    if groups.err then return nil end
    for _, group in ipairs(groups) do
        local fields = {}
        for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
        if fields.name == name then return fields['last-delivered-id'] end
    end
end

-- Whether an id comes behind another; '-' comes behind none.
local function is_after(id, other)
    local a, b = string.match(id, '^(%d+)%-?(%d*)$')
    if not a then return false end
    local c, d = string.match(other, '^(%d+)%-(%d+)$')
    a, b, c, d = tonumber(a), tonumber(b) or 0, tonumber(c), tonumber(d)
    return a > c or (a == c and b > d)
end
