using System.Globalization;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>Ingress rules as one nftables table that is replaced as a whole.</summary>
internal static class GuestFirewall
{
    private const string RulesPath = GuestPlan.Folder + "/firewall.nft";

    public static void Add(GuestPlan plan)
    {
        var policies = plan.Spec.Interfaces.Where(i => i.Ingress is not null).ToList();
        if (policies.Count == 0 || plan.Options.Firewall is FirewallScope.Separate or FirewallScope.Instance)
            return;
        if (plan.Options.Firewall != FirewallScope.Guest)
        {
            foreach (var policy in policies)
                plan.Refuse($"interfaces[{policy.Name}].ingress", "Nothing on this platform enforces ingress rules.", "firewall");
            return;
        }
        var groups = Groups(plan);
        if (groups is null)
            return;
        var rules = Ruleset(groups);
        plan.AddText(RulesPath, 0b110_000_000, rules);
        // Between the network and the last stage of cloud-init lie tens of seconds: the first load is before all else.
        plan.EarlyCommands.Add(["cloud-init-per", "instance", "datum-firewall", "sh", "-c", $"printf %s {GuestText.Quote(rules)} | nft -f -"]);
        plan.Units.Add(new GuestUnit(GuestPlan.FirewallUnit, $"""
            [Unit]
            Description=Ingress rules of the instance
            DefaultDependencies=no
            Wants=network-pre.target
            Before=network-pre.target shutdown.target
            After=local-fs.target nftables.service
            Conflicts=shutdown.target
            RequiresMountsFor={GuestPlan.Folder}

            [Service]
            Type=oneshot
            RemainAfterExit=yes
            ExecStart=nft -f {RulesPath}
            ExecReload=nft -f {RulesPath}

            [Install]
            WantedBy=sysinit.target {GuestPlan.Target}

            """));
    }

    /// <summary>Rules by device; a null device stands for every interface but loopback. Null when there is a finding.</summary>
    private static List<(string? Device, ImmutableArray<IngressRule> Rules)>? Groups(GuestPlan plan)
    {
        var groups = new List<(string? Device, ImmutableArray<IngressRule>)>();
        var faults = plan.Findings.Count;
        foreach (var policy in plan.Spec.Interfaces)
            if (policy.Ingress is { } rules)
                for (var i = 0; i < rules.Length; i++)
                    Check(plan, $"interfaces[{policy.Name}].ingress[{GuestText.Number(i)}]", rules[i]);
        // One policy for all of them needs no device's name, which only the guest knows for sure.
        var texts = plan.Spec.Interfaces.Select(i => i.Ingress is { } r ? string.Join('\n', Lines(r)) : null).Distinct(StringComparer.Ordinal).ToList();
        if (plan.Findings.Count > faults)
            return null;
        if (texts.Count == 1)
            return [(null, plan.Spec.Interfaces[0].Ingress ?? [])];
        foreach (var policy in plan.Spec.Interfaces)
        {
            if (policy.Ingress is not { } rules)
                continue;
            if (!plan.Options.InterfaceDevices.TryGetValue(policy.Name, out var device))
                plan.Refuse($"interfaces[{policy.Name}].ingress", "The interfaces have different rules, and the driver doesn't know this one's device in the guest.", "interfaceDevices");
            else if (device.Length is 0 or > 15 || !device.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
                plan.Refuse($"interfaces[{policy.Name}].name", $"'{device}' is no device name of Linux.");
            else
                groups.Add((device, rules));
        }
        return plan.Findings.Count > faults ? null : groups;
    }

    private static void Check(GuestPlan plan, string path, IngressRule rule)
    {
        if (rule.Protocol is not (null or "TCP" or "UDP" or "SCTP"))
            plan.Refuse($"{path}.protocol", $"'{rule.Protocol}' is none of TCP, UDP and SCTP.");
        if (!Cidr.TryParse(rule.Source, out _))
            plan.Refuse($"{path}.source", $"'{rule.Source}' is no address range.");
        if (rule.Port is < 1 or > 65535 || rule.EndPort is < 1 or > 65535 || rule.EndPort < rule.Port || (rule.EndPort is not null && rule.Port is null))
            plan.Refuse($"{path}.port", "Ports are 1 to 65535, the last not before the first.");
        if (rule.Port is not null && rule.Protocol is null)
            plan.Refuse($"{path}.port", "Ports need a protocol.");
    }

    /// <summary>
    /// The hook is prerouting, before any translation of addresses: the rules mean the ports that the sender used, and hold for what the guest
    /// answers itself and for what a container engine in it forwards. Replies, neighbour discovery and DHCP always pass.
    /// </summary>
    private static string Ruleset(List<(string? Device, ImmutableArray<IngressRule> Rules)> groups)
    {
        var text = new StringBuilder();
        text.Append("""
            table inet datum_guest
            delete table inet datum_guest
            table inet datum_guest {
              chain ingress {
                type filter hook prerouting priority -150; policy accept;
                iif "lo" accept
                ct state established,related accept
                icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect, mld-listener-query, packet-too-big } accept
                udp sport 67 udp dport 68 accept
                ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept

            """);
        foreach (var (device, rules) in groups)
            text.Append(CultureInfo.InvariantCulture, $"    {(device is null ? "" : $"iifname \"{device}\" ")}{(device is null ? $"{Lines(rules, "    ")}drop" : $"jump {Chain(groups, device)}")}\n");
        text.Append("  }\n");
        foreach (var (device, rules) in groups)
            if (device is not null)
                text.Append(CultureInfo.InvariantCulture, $"  chain {Chain(groups, device)} {{\n    {Lines(rules, "    ")}drop\n  }}\n");
        return text.Append("}\n").ToString();
    }

    private static string Chain(List<(string? Device, ImmutableArray<IngressRule> Rules)> groups, string device) =>
        $"device_{GuestText.Number(groups.FindIndex(g => g.Device == device))}";

    private static string Lines(ImmutableArray<IngressRule> rules, string indent) => string.Concat(Lines(rules).Select(l => $"{l}\n{indent}"));

    private static IEnumerable<string> Lines(ImmutableArray<IngressRule> rules) => rules.Select(Line).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    private static string Line(IngressRule rule)
    {
        var source = rule.Source.Contains(':', StringComparison.Ordinal) ? $"ip6 saddr {rule.Source}" : $"ip saddr {rule.Source}";
        if (rule.Protocol is not { } name)
            return $"{source} accept";
        var protocol = name.ToLowerInvariant();
        if (rule.Port is not { } first)
            return $"{source} meta l4proto {protocol} accept";
        var last = rule.EndPort ?? first;
        return string.Create(CultureInfo.InvariantCulture, $"{source} {protocol} dport {first}{(last > first ? $"-{last}" : "")} accept");
    }
}
