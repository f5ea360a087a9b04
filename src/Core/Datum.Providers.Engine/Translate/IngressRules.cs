using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Engine.Translate;

/// <summary>
/// Turns policy rules into allow-only rules that every platform understands: one family a rule, numeric ports, exceptions
/// expanded into the prefixes that remain. No ports means all ports, no sources means any source.
/// </summary>
public static class IngressRules
{
    /// <summary>The rules, ordered and without repetition; findings name what can't be expressed.</summary>
    /// <param name="named">The instance's named ports.</param>
    public static ImmutableArray<IngressRule> Normalize(
        IReadOnlyList<NetworkPolicyIngressRule> rules, IReadOnlyList<PortSpec> named, string path, ICollection<Finding> findings)
    {
        var result = new SortedDictionary<string, IngressRule>(StringComparer.Ordinal);
        for (var r = 0; r < rules.Count; r++)
        {
            var sources = Sources(rules[r], $"{path}[{r}]", findings);
            foreach (var (protocol, port, endPort) in Ports(rules[r], named, $"{path}[{r}]", findings))
                foreach (var source in sources)
                {
                    var rule = new IngressRule { Protocol = protocol, Port = port, EndPort = endPort, Source = source };
                    result.TryAdd($"{protocol}/{port:D5}-{endPort:D5}/{source}", rule);
                }
        }
        return [.. result.Values];
    }

    private static List<(string? Protocol, int? Port, int? EndPort)> Ports(
        NetworkPolicyIngressRule rule, IReadOnlyList<PortSpec> named, string path, ICollection<Finding> findings)
    {
        if (rule.Ports is not { Count: > 0 } ports)
            return [(null, null, null)];
        var result = new List<(string?, int?, int?)>();
        for (var p = 0; p < ports.Count; p++)
        {
            var at = $"{path}.ports[{p}]";
            var protocol = ports[p].Protocol ?? "TCP";
            if (protocol is not ("TCP" or "UDP" or "SCTP"))
                findings.Add(new Finding { Path = $"{at}.protocol", Message = $"'{protocol}' is none of TCP, UDP, SCTP." });
            else if (ports[p].Port is not { } port)
            {
                if (ports[p].EndPort is not null)
                    findings.Add(new Finding { Path = $"{at}.endPort", Message = "The end of a range needs a port to begin with." });
                else
                    result.Add((protocol, null, null));
            }
            else if (port.IsNumber)
            {
                if (port.Number is < 1 or > 65535)
                    findings.Add(new Finding { Path = $"{at}.port", Message = $"{port.Number} is no port number (1 to 65535)." });
                else if (ports[p].EndPort is { } end && (end < port.Number || end > 65535))
                    findings.Add(new Finding { Path = $"{at}.endPort", Message = $"{end} must be {port.Number} to 65535." });
                else
                    result.Add((protocol, (int)port.Number, ports[p].EndPort is { } e && e != port.Number ? e : null));
            }
            else if (ports[p].EndPort is not null)
                findings.Add(new Finding { Path = $"{at}.endPort", Message = "A range needs a numeric port." });
            else if (named.Where(n => n.Name == port.Text && n.Protocol == protocol).Select(n => n.Port).Distinct().ToList() is { Count: > 0 } numbers)
                result.AddRange(numbers.Select(n => ((string?)protocol, (int?)n, (int?)null)));
            else
                findings.Add(new Finding { Path = $"{at}.port", Message = $"The instance has no {protocol} port named '{port.Text}'." });
        }
        return result;
    }

    private static List<string> Sources(NetworkPolicyIngressRule rule, string path, ICollection<Finding> findings)
    {
        if (rule.From is not { Count: > 0 } from)
            return ["0.0.0.0/0", "::/0"];
        var result = new List<string>();
        for (var f = 0; f < from.Count; f++)
        {
            var at = $"{path}.from[{f}].ipBlock";
            if (from[f].IpBlock is not { } block)
            {
                findings.Add(new Finding { Path = at, Message = "A source needs an ipBlock." });
                continue;
            }
            if (!TryParse(block.Cidr, out var whole))
            {
                findings.Add(new Finding { Path = $"{at}.cidr", Message = $"'{block.Cidr}' is no prefix such as 10.0.0.0/8 or fd00::/8." });
                continue;
            }
            var left = new List<IPNetwork> { whole };
            foreach (var text in block.Except ?? [])
            {
                if (!TryParse(text, out var except) || except.BaseAddress.AddressFamily != whole.BaseAddress.AddressFamily
                    || except.PrefixLength < whole.PrefixLength || !whole.Contains(except.BaseAddress))
                    findings.Add(new Finding { Path = $"{at}.except", Message = $"'{text}' is no prefix inside {block.Cidr}." });
                else
                    left = [.. left.SelectMany(n => Without(n, except))];
            }
            result.AddRange(left.Select(n => n.ToString()));
        }
        return result;
    }

    /// <summary>What is left of a prefix when another is taken out: at most one prefix for each bit between the two lengths.</summary>
    private static IEnumerable<IPNetwork> Without(IPNetwork whole, IPNetwork hole)
    {
        if (hole.PrefixLength <= whole.PrefixLength)
        {
            if (!hole.Contains(whole.BaseAddress))
                yield return whole;
            yield break;
        }
        if (!whole.Contains(hole.BaseAddress))
        {
            yield return whole;
            yield break;
        }
        for (var length = whole.PrefixLength + 1; length <= hole.PrefixLength; length++)
            yield return new IPNetwork(Flip(hole.BaseAddress, length), length);
    }

    /// <summary>The address with bit <paramref name="length"/> (from 1) flipped and all later bits zero.</summary>
    private static IPAddress Flip(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var bit = length; bit < bytes.Length * 8; bit++)
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        bytes[(length - 1) / 8] ^= (byte)(0x80 >> ((length - 1) % 8));
        return new IPAddress(bytes);
    }

    private static bool TryParse(string text, out IPNetwork network)
    {
        network = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        // "010.0.0.0" would be read as octal, "10" as a number, and a zone means nothing elsewhere: only the plain form is taken.
        if (slash < 0 || !IPAddress.TryParse(text.AsSpan(0, slash), out var address) || text.Contains('%', StringComparison.Ordinal)
            || (address.AddressFamily is AddressFamily.InterNetwork && !text.AsSpan(0, slash).SequenceEqual(address.ToString()))
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            || length > (address.AddressFamily is AddressFamily.InterNetwork ? 32 : 128))
            return false;
        // Host bits that are set are tolerated, as the API server tolerates them; the platform gets the prefix.
        var bytes = address.GetAddressBytes();
        for (var bit = length; bit < bytes.Length * 8; bit++)
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        network = new IPNetwork(new IPAddress(bytes), length);
        return true;
    }
}
