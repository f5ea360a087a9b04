using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>Lists of rules by position, which shift with every change.</summary>
internal static class RuleLists
{
    public static async ValueTask<(ImmutableArray<PveRule> Rules, DriverError? Error)> ReadAsync(PveApi api, Call call, string path)
    {
        var list = await api.ListAsync(call, path);
        return list.Value is { } items ? ([.. items.Items.Select(PveRule.Read).OrderBy(r => r.Position)], null) : ([], list.Error);
    }

    /// <summary>
    /// Adds what is missing, then takes away what is too much among those that <paramref name="mine"/> names, from the end: what stays allowed is
    /// never shut out in between. A repetition after a lost answer at most adds a rule twice, and the next look finds one of them too much.
    /// </summary>
    public static async ValueTask<DriverError?> SyncAsync(PveApi api, Call call, string path, ImmutableArray<PveRule> wanted, Func<PveRule, bool> mine)
    {
        var (rules, error) = await ReadAsync(api, call, path);
        if (error is not null)
            return error;
        var there = rules.Where(mine).Select(r => r.Key).ToList();
        var added = false;
        foreach (var rule in wanted)
        {
            if (there.Remove(rule.Key))
                continue;
            var look = await api.ChangeAsync(call, rule.ToForm().Post(path));
            if (look.Error is { } refused)
                return refused;
            added = true;
        }

        for (var surplus = there.Count; surplus > 0; surplus--)
        {
            // A rule is named by its position: what was read just now, guarded by its digest, is what goes, whatever others change meanwhile.
            if (added || surplus < there.Count)
                (rules, error) = await ReadAsync(api, call, path);
            if (error is not null)
                return error;
            var left = wanted.Select(r => r.Key).ToList();
            if (rules.Where(mine).Where(r => !left.Remove(r.Key)).ToList() is not [.., var last])
                return null;
            var guard = last.Digest is { Length: > 0 } digest ? $"?digest={Uri.EscapeDataString(digest)}" : "";
            var look = await api.ChangeAsync(call, RestRequest.Delete($"{path}/{Slices.Number(last.Position)}{guard}"));
            if (look.Error is { } refused)
                return refused;
        }

        return null;
    }
}
