using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>A rule of a group or of a machine, as far as this driver reads it.</summary>
internal sealed record PveRule
{
    private static readonly ImmutableArray<string> Others = ["dest", "sport", "macro", "icmp-type"];

    public int Position { get; init; }
    public string Type { get; init; } = "in";
    public string Action { get; init; } = "ACCEPT";
    public bool Enabled { get; init; } = true;
    public string? Protocol { get; init; }
    public string? Ports { get; init; }
    public string? Source { get; init; }
    public string? Interface { get; init; }
    public string? Comment { get; init; }
    public string? Digest { get; init; }

    /// <summary>What else a person wrote into it, and what no rule of ours has.</summary>
    public string Other { get; init; } = "";

    /// <summary>Equal for rules that let the same through.</summary>
    public string Key => $"{Type} {Action} {(Enabled ? 1 : 0)} {Protocol?.ToLowerInvariant()} {Ports} {Normal(Source)} {Interface} {Other}";

    public static PveRule Read(PveObject item) => new()
    {
        Position = (int)(item.Number("pos") ?? 0),
        Type = item.Text("type") ?? "",
        Action = item.Text("action") ?? "",
        // Without the word a rule is off.
        Enabled = item.Flag("enable"),
        Protocol = item.Text("proto"),
        Ports = item.Text("dport"),
        Source = item.Text("source"),
        Interface = item.Text("iface"),
        Comment = item.Text("comment"),
        Digest = item.Text("digest"),
        Other = string.Join(' ', Others.Select(n => item.Text(n)).Where(t => !string.IsNullOrEmpty(t))),
    };

    public PveForm ToForm() => new PveForm().Set("type", Type).Set("action", Action).Set("enable", Enabled ? 1 : 0)
        .Set("proto", Protocol).Set("dport", Ports).Set("source", Source).Set("iface", Interface).Set("comment", Comment);

    private static string Normal(string? source) => string.Join(',', (source ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(s => s.StartsWith('+') ? s : Cidr.TryParse(s.Contains('/', StringComparison.Ordinal) ? s : s + (s.Contains(':', StringComparison.Ordinal) ? "/128" : "/32"), out var cidr) ? cidr.ToString() : s).Order(StringComparer.Ordinal));
}

/// <summary>A set of sources that is too long for a rule.</summary>
internal sealed record PlannedSet(string Name, string Part, ImmutableArray<string> Members);

/// <summary>The rules and sets of one rule set.</summary>
internal sealed record FirewallPlan(ImmutableArray<PveRule> Rules, ImmutableArray<PlannedSet> Sets);

/// <summary>
/// From a rule set to rules of a security group. A rule has one protocol, up to fifteen ports or port ranges, and either sources of one family
/// in 512 characters or the name of an IP set. Everything allows; what no rule allows is dropped by the machine's own policy.
/// </summary>
internal static class FirewallRules
{
    /// <summary>iptables' multiport takes fifteen ports, and a range counts as two.</summary>
    private const int MaxPortRanges = 7;

    private const int MaxSourceText = 512;

    /// <summary>Each rule and each member of a set is a request.</summary>
    public const int MaxRules = 64;

    public const int MaxMembers = 256;

    private static readonly NameRules SetNames = new() { MaxLength = 64 };

    public static Answer<FirewallPlan> Plan(IEnumerable<IngressRule> ingress, Identity id)
    {
        var groups = IngressGroups.Of(ingress, new IngressLimits { MaxSources = MaxMembers, MaxPortRanges = MaxPortRanges }, "ingress");
        if (groups.Error is { } error)
            return error;
        var rules = ImmutableArray.CreateBuilder<PveRule>();
        var sets = new List<PlannedSet>();
        foreach (var group in groups.Value!.Groups)
        {
            var sources = string.Join(',', group.Sources.Select(s => s.ToString()));
            if (sources.Length > MaxSourceText)
            {
                var members = group.Sources.Select(s => s.ToString()).ToImmutableArray();
                var set = sets.FirstOrDefault(s => s.Members.SequenceEqual(members));
                if (set is null)
                {
                    var part = string.Create(CultureInfo.InvariantCulture, $"set-{sets.Count}");
                    sets.Add(set = new PlannedSet(ResourceNames.For(id, SetNames, part), part, members));
                }

                sources = "+" + set.Name;
            }

            rules.Add(new PveRule
            {
                Protocol = group.Protocol?.ToLowerInvariant(),
                Ports = group.Ports.Any(p => p.First is null) ? null : string.Join(',', group.Ports.Select(p => p.ToString().Replace('-', ':'))),
                Source = sources,
            });
        }

        if (rules.Count > MaxRules || sets.Sum(s => s.Members.Length) > MaxMembers)
            return PveErrors.Refused(ErrorCode.Unsupported, $"The rules come to {rules.Count} at the platform with {sets.Sum(s => s.Members.Length)} sources in sets; {MaxRules} and {MaxMembers} are the most. Ask for fewer ports or sources.") with { Field = "ingress" };
        return new FirewallPlan(rules.ToImmutable(), [.. sets]);
    }
}
