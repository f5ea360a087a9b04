using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Kinds;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>How a machine's own firewall stands to the wish.</summary>
internal sealed record FirewallState
{
    /// <summary>Whether the data centre's firewall is on.</summary>
    public bool DataCentre { get; init; }

    /// <summary>Whether the machine's firewall is on and drops what no rule allows.</summary>
    public bool Enabled { get; init; }

    /// <summary>Our rules by what they do, in order.</summary>
    public ImmutableArray<string> Rules { get; init; } = [];
}

/// <summary>
/// The firewall of a machine: on, dropping, with one rule for each security group and interface. An interface without rule sets lets everything
/// in. Rules of ours have a comment that says so; a person's own beside them stay.
/// </summary>
internal static class MachineFirewall
{
    private const string Comment = "datum";

    public static async ValueTask<(FirewallState? State, DriverError? Error)> ReadAsync(PveApi api, Call call, string machine, bool on)
    {
        var (options, failed, _) = await api.GetAsync(call, machine + "/firewall/options");
        if (failed is not null)
            return (null, failed);
        var (rules, lost) = await RuleLists.ReadAsync(api, call, machine + "/firewall/rules");
        return lost is not null ? (null, lost) : (new FirewallState
        {
            DataCentre = on,
            Enabled = IsEnabled(options),
            Rules = [.. rules.Where(IsOurs).Select(r => r.Key).Order(StringComparer.Ordinal)],
        }, null);
    }

    /// <summary>The rules of a wish; empty when no interface has any.</summary>
    public static ImmutableArray<PveRule> Plan(InstanceSpec desired)
    {
        if (desired.Interfaces.All(i => i.Firewalls.IsEmpty))
            return [];
        var rules = ImmutableArray.CreateBuilder<PveRule>();
        for (var i = 0; i < desired.Interfaces.Length; i++)
        {
            var nic = string.Create(CultureInfo.InvariantCulture, $"net{i}");
            if (desired.Interfaces[i].Firewalls.IsEmpty)
                rules.Add(new PveRule { Interface = nic, Comment = Comment });
            foreach (var group in desired.Interfaces[i].Firewalls.Select(f => FirewallKind.GroupOf(f.ProviderId)).OfType<string>().Distinct(StringComparer.Ordinal))
                rules.Add(new PveRule { Type = "group", Action = group, Interface = nic, Comment = Comment });
        }

        return rules.ToImmutable();
    }

    public static bool Matches(FirewallState state, InstanceSpec desired)
    {
        var wanted = Plan(desired);
        return state.Rules.SequenceEqual(wanted.Select(r => r.Key).Order(StringComparer.Ordinal), StringComparer.Ordinal) && (wanted.IsEmpty || state.Enabled);
    }

    /// <summary>Rules first and the switch last when it goes on; the other way round when it goes off.</summary>
    public static async ValueTask<DriverError?> WriteAsync(PveApi api, Call call, string machine, InstanceSpec desired)
    {
        var wanted = Plan(desired);
        var (options, unread, _) = await api.GetAsync(call, machine + "/firewall/options");
        if (unread is not null)
            return unread;
        if (wanted.IsEmpty && options.Flag("enable") && (await api.ChangeAsync(call, new PveForm().Set("enable", false).Put(machine + "/firewall/options"))).Error is { } on)
            return on;
        if (await RuleLists.SyncAsync(api, call, machine + "/firewall/rules", wanted, IsOurs) is { } error)
            return error;
        return wanted.IsEmpty || IsEnabled(options) ? null : (await api.ChangeAsync(call, new PveForm().Set("enable", true).Set("policy_in", "DROP").Put(machine + "/firewall/options"))).Error;
    }

    private static bool IsEnabled(PveObject options) => options.Flag("enable") && options.Text("policy_in") is null or "DROP" or "REJECT";

    private static bool IsOurs(PveRule rule) => rule.Comment?.Trim() == Comment;
}

/// <summary>
/// The data centre's switch, which is one for all machines: looks at machines read it once a minute and session. Who has to know now asks for it fresh.
/// </summary>
internal sealed class FirewallSwitch(TimeProvider time)
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(1);

    private volatile Known? _known;

    public async ValueTask<(bool On, DriverError? Error)> IsOnAsync(PveApi api, Call call, bool fresh = false)
    {
        if (!fresh && _known is { } known && time.GetUtcNow() - known.At < Life)
            return (known.On, null);
        var (options, error, _) = await api.GetAsync(call, "cluster/firewall/options");
        if (error is not null)
            return (false, error);
        var on = options.Flag("enable");
        _known = new Known(on, time.GetUtcNow());
        return (on, null);
    }

    private sealed record Known(bool On, DateTimeOffset At);
}
