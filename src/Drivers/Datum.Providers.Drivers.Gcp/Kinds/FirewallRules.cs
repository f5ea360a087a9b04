using System.Globalization;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>
/// From a rule set to the platform's firewalls. One firewall holds sources of one family and any protocols and ports, so rules with the same
/// sources share one. All apply to instances with the tag of the set.
/// </summary>
internal static class FirewallRules
{
    /// <summary>Source ranges of one firewall at most.</summary>
    private const int MaxSources = 256;

    /// <summary>Firewalls of one rule set at most: they count against a quota of the project.</summary>
    public const int MaxFirewalls = 16;

    /// <summary>Below everything else that allows, above the platform's own "deny".</summary>
    private const int Priority = 65534;

    /// <summary>The network tag of a rule set; instances carry it.</summary>
    public static string TagOf(string name) => "fw-" + name;

    /// <summary>The firewalls of a wish, without names, marks and network; at least one, since nothing allowed is still something wished for.</summary>
    public static Answer<FirewallPlan> Plan(IEnumerable<IngressRule> ingress, string tag)
    {
        var groups = IngressGroups.Of(ingress, new IngressLimits { MaxSources = MaxSources, MaxPortRanges = 256 }, "ingress");
        if (groups.Error is { } error)
            return error;
        var rules = ImmutableArray.CreateBuilder<GcpFirewall>();
        foreach (var same in groups.Value!.Groups.GroupBy(g => string.Join(',', g.Sources)).OrderBy(g => g.First().Sources[0].IsIPv6).ThenBy(g => g.Key, StringComparer.Ordinal))
            rules.Add(Rule(tag) with
            {
                SourceRanges = [.. same.First().Sources.Select(s => s.ToString())],
                Allowed = [.. same.OrderBy(g => g.Protocol, StringComparer.Ordinal).Select(ToRule)],
            });
        if (rules.Count == 0)
            rules.Add(Rule(tag) with { SourceRanges = ["0.0.0.0/0"], Denied = [new FirewallRule { IPProtocol = "all" }] });
        return rules.Count <= MaxFirewalls ? new FirewallPlan(rules.ToImmutable())
            : GcpErrors.Refused(ErrorCode.Unsupported, $"The rules need {rules.Count} firewalls of the platform and {MaxFirewalls} are the most; use fewer different sets of sources.") with { Field = "ingress" };
    }

    /// <summary>A text that is equal for firewalls which let the same packets through.</summary>
    public static string Show(GcpFirewall rule) => string.Join(' ',
        rule.Direction ?? "INGRESS", (rule.Priority ?? 1000).ToString(CultureInfo.InvariantCulture), rule.Disabled == true ? "disabled" : "",
        "to", Join(rule.TargetTags), "from", Join((rule.SourceRanges ?? []).Select(Normal)), "allow", Join(Rules(rule.Allowed)), "deny", Join(Rules(rule.Denied)));

    private static GcpFirewall Rule(string tag) => new() { Direction = "INGRESS", Priority = Priority, TargetTags = [tag], Disabled = false };

    private static FirewallRule ToRule(IngressGroup group) => new()
    {
        IPProtocol = group.Protocol?.ToLowerInvariant() ?? "all",
        Ports = group.Ports.Any(p => p.First is null) ? null : [.. group.Ports.Select(p => p.ToString())],
    };

    private static IEnumerable<string> Rules(ImmutableArray<FirewallRule>? rules) => (rules ?? []).Select(r => $"{r.IPProtocol?.ToLowerInvariant()}:{Join(r.Ports)}");

    private static string Join(IEnumerable<string>? texts) => string.Join(',', (texts ?? []).Order(StringComparer.Ordinal));

    private static string Join(ImmutableArray<string>? texts) => Join((IEnumerable<string>?)texts ?? []);

    // The platform writes ranges its own way (fd00:0:: as fd00::).
    private static string Normal(string range) => Cidr.TryParse(range, out var cidr) ? cidr.ToString() : range;
}

/// <summary>The firewalls of one rule set.</summary>
internal sealed record FirewallPlan(ImmutableArray<GcpFirewall> Rules);
