using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Datum.Providers.Drivers.Podman.Firewall;

/// <summary>
/// Ingress rules as an nftables table <c>inet datum</c>: default deny, but for loopback, answers to own connections, and the ICMP that
/// IP itself needs (errors, neighbour discovery). Echo requests need a rule without protocol.
/// </summary>
internal sealed record NftRuleset
{
    private const string MarkPrefix = "datum ";

    /// <summary>Input for <c>nft -f -</c>: replaces the table in one transaction.</summary>
    public required string Text { get; init; }

    /// <summary>16 hex digits over the rules.</summary>
    public required string Hash { get; init; }

    /// <summary>Rules in the chain.</summary>
    public required int Rules { get; init; }

    /// <summary>Removes the table, also when there is none.</summary>
    public const string Remove = "add table inet datum\ndelete table inet datum\n";

    /// <summary>Renders rules. Equal sets of rules give equal text: their order doesn't matter.</summary>
    public static NftRuleset From(ImmutableArray<IngressRule> ingress)
    {
        List<string> lines =
        [
            "ct state established,related accept",
            "ct state invalid drop",
            "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept",
            "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
        ];
        lines.AddRange(ingress.Select(Rule).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))))[..16];
        var text = new StringBuilder(Remove).Append("table inet datum {\n chain input {\n  type filter hook input priority 0; policy drop;\n")
            .Append(CultureInfo.InvariantCulture, $"  iifname \"lo\" accept comment \"{MarkPrefix}{hash}\"\n");
        foreach (var line in lines)
            text.Append("  ").Append(line).Append('\n');
        return new NftRuleset { Text = text.Append(" }\n}\n").ToString(), Hash = hash, Rules = lines.Count + 1 };
    }

    /// <summary>True when exactly this is loaded.</summary>
    public bool Matches(LoadedTable loaded) => loaded.Exists && loaded.DropsByDefault && loaded.Hash == Hash && loaded.Rules == Rules;

    /// <summary>Reads the answer of <c>nft -j list table inet datum</c>. Throws <see cref="JsonException"/> on anything else.</summary>
    public static LoadedTable Parse(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        if (!document.RootElement.TryGetProperty("nftables", out var objects) || objects.ValueKind != JsonValueKind.Array)
            throw new JsonException("no nftables array");
        var (rules, drops, hash) = (0, false, (string?)null);
        foreach (var item in objects.EnumerateArray())
        {
            if (item.TryGetProperty("chain", out var chain) && Is(chain, "name", "input"))
                drops = Is(chain, "hook", "input") && Is(chain, "policy", "drop");
            if (!item.TryGetProperty("rule", out var rule) || !Is(rule, "chain", "input"))
                continue;
            rules++;
            if (rule.TryGetProperty("comment", out var comment) && comment.GetString() is { } text && text.StartsWith(MarkPrefix, StringComparison.Ordinal))
                hash = text[MarkPrefix.Length..];
        }

        return new LoadedTable { Exists = true, Hash = hash, Rules = rules, DropsByDefault = drops };
    }

    private static string Rule(IngressRule rule)
    {
        var source = Cidr.Parse(rule.Source);
        var match = new StringBuilder(source.IsIPv6 ? "ip6 saddr " : "ip saddr ").Append(source);
        var protocol = Protocol(rule.Protocol);
        if (rule.Port is not { } port)
        {
            if (protocol is not null)
                match.Append(" meta l4proto ").Append(protocol);
            return match.Append(" accept").ToString();
        }

        var ports = rule.EndPort is { } end && end != port
            ? string.Create(CultureInfo.InvariantCulture, $"{port}-{end}")
            : port.ToString(CultureInfo.InvariantCulture);
        return match.Append(protocol is null ? " meta l4proto { tcp, udp, sctp } th dport " : $" {protocol} dport ").Append(ports).Append(" accept").ToString();
    }

    private static string? Protocol(string? protocol) => protocol switch
    {
        null => null,
        "TCP" => "tcp",
        "UDP" => "udp",
        "SCTP" => "sctp",
        _ => throw new FormatException($"'{protocol}' is no protocol."),
    };

    private static bool Is(JsonElement json, string name, string value) =>
        json.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.String && found.GetString() == value;
}
