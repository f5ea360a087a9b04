using System.Globalization;

namespace Datum.Providers.Sdk;

/// <summary>
/// Allow-only ingress rules in one canonical form: two sets that allow the same packets come out the same, whatever they were written like.
/// So a driver may compare texts, and the platform gets the fewest rules that this way finds.
/// </summary>
public static class IngressRules
{
    private const int LastPort = 65535;

    private static readonly ImmutableArray<string> Protocols = ["SCTP", "TCP", "UDP"];

    /// <summary>
    /// From a user's rules: named ports are looked up among the target's, exceptions are cut out, no ports means all and no sources means any,
    /// in both families.
    /// </summary>
    /// <param name="rules">The rules.</param>
    /// <param name="named">Ports of the target that may be named.</param>
    /// <param name="path">Where the rules stand in the spec, for findings, e.g. <c>ingress</c>.</param>
    public static NormalizedIngress Normalize(IReadOnlyList<PolicyRule> rules, IReadOnlyList<PortSpec> named, string path)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var all = new List<IngressRule>();
        for (var i = 0; i < rules.Count; i++)
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]");
            var sources = Sources(rules[i], at, findings);
            foreach (var (protocol, first, last) in Ports(rules[i], named, at, findings))
                foreach (var source in sources)
                    all.Add(Rule(protocol, first, last, source));
        }

        return new NormalizedIngress { Rules = findings.Count == 0 ? Canonical(all) : [], Findings = findings.ToImmutable() };
    }

    /// <summary>The canonical form of rules that are in the contract's already. Throws <see cref="FormatException"/> on a source that is no prefix.</summary>
    public static ImmutableArray<IngressRule> Canonical(IEnumerable<IngressRule> rules)
    {
        var any = new List<Cidr>();
        var byProtocol = Protocols.ToDictionary(p => p, _ => new List<(int First, int Last, Cidr Source)>(), StringComparer.Ordinal);
        foreach (var rule in rules)
        {
            var source = Cidr.Parse(rule.Source);
            var (first, last) = rule.Port is { } port ? (port, rule.EndPort ?? port) : (1, LastPort);
            if (rule.Protocol is null)
                any.Add(source);
            else if (byProtocol.TryGetValue(rule.Protocol, out var list))
                list.Add((first, last, source));
            else
                throw new FormatException($"'{rule.Protocol}' is none of {string.Join(", ", Protocols)}.");
        }

        var everything = CidrSets.Merge(any);
        var result = ImmutableArray.CreateBuilder<IngressRule>();
        foreach (var source in everything)
            result.Add(Rule(null, 1, LastPort, source));
        foreach (var protocol in Protocols)
            foreach (var (first, last, source) in PortRectangles.Of(byProtocol[protocol], everything, LastPort))
                result.Add(Rule(protocol, first, last, source));
        return result.ToImmutable();
    }

    /// <summary>Whether the rules let a packet in. <paramref name="protocol"/> may be any name; only those of the contract have ports.</summary>
    public static bool Allows(IEnumerable<IngressRule> rules, string protocol, int port, System.Net.IPAddress source)
    {
        foreach (var rule in rules)
            if ((rule.Protocol is null || rule.Protocol == protocol)
                && (rule.Port is not { } first || (port >= first && port <= (rule.EndPort ?? first)))
                && Cidr.Parse(rule.Source).Contains(source))
                return true;
        return false;
    }

    private static IngressRule Rule(string? protocol, int first, int last, Cidr source) => new()
    {
        Protocol = protocol,
        Port = first == 1 && last == LastPort ? null : first,
        EndPort = first == last || (first == 1 && last == LastPort) ? null : last,
        Source = source.ToString(),
    };

    private static List<(string? Protocol, int First, int Last)> Ports(
        PolicyRule rule, IReadOnlyList<PortSpec> named, string path, ImmutableArray<Finding>.Builder findings)
    {
        if (rule.Ports.IsEmpty)
            return [(null, 1, LastPort)];
        var result = new List<(string?, int, int)>();
        for (var i = 0; i < rule.Ports.Length; i++)
        {
            var (port, at) = (rule.Ports[i], string.Create(CultureInfo.InvariantCulture, $"{path}.ports[{i}]"));
            if (!Protocols.Contains(port.Protocol))
                findings.Add(new Finding { Path = $"{at}.protocol", Message = $"'{port.Protocol}' is none of {string.Join(", ", Protocols)}. Write one of them, or leave the port out for all." });
            else if (port.Name is not null && (port.Port is not null || port.EndPort is not null))
                findings.Add(new Finding { Path = $"{at}.port", Message = "A port has a name or numbers, not both." });
            else if (port.Name is { } name)
            {
                var before = result.Count;
                foreach (var number in named.Where(n => n.Name == name && n.Protocol == port.Protocol).Select(n => n.Port).Distinct())
                    result.Add((port.Protocol, number, number));
                if (result.Count == before)
                    findings.Add(new Finding { Path = $"{at}.port", Message = $"The target has no {port.Protocol} port named '{name}'. Name one of its ports, or write the number." });
            }
            else if (port.Port is not { } first)
            {
                if (port.EndPort is not null)
                    findings.Add(new Finding { Path = $"{at}.endPort", Message = "The end of a range needs a port to begin with." });
                else
                    result.Add((port.Protocol, 1, LastPort));
            }
            else if (first is < 1 or > LastPort)
                findings.Add(new Finding { Path = $"{at}.port", Message = $"{first} is no port number (1 to 65535)." });
            else if (port.EndPort is { } last && (last < first || last > LastPort))
                findings.Add(new Finding { Path = $"{at}.endPort", Message = $"{last} must be {first} to 65535." });
            else
                result.Add((port.Protocol, first, port.EndPort ?? first));
        }

        return result;
    }

    private static List<Cidr> Sources(PolicyRule rule, string path, ImmutableArray<Finding>.Builder findings)
    {
        if (rule.From.IsEmpty)
            return [Cidr.Parse("0.0.0.0/0"), Cidr.Parse("::/0")];
        var result = new List<Cidr>();
        for (var i = 0; i < rule.From.Length; i++)
        {
            var (source, at) = (rule.From[i], string.Create(CultureInfo.InvariantCulture, $"{path}.from[{i}]"));
            if (!Cidr.TryParse(source.Cidr, out var whole))
            {
                findings.Add(new Finding { Path = $"{at}.cidr", Message = $"'{source.Cidr}' is no prefix with zero host bits, such as 10.0.0.0/8 or fd00::/8." });
                continue;
            }

            var holes = new List<Cidr>();
            for (var h = 0; h < source.Except.Length; h++)
            {
                if (Cidr.TryParse(source.Except[h], out var hole) && whole.Contains(hole))
                    holes.Add(hole);
                else
                    findings.Add(new Finding { Path = string.Create(CultureInfo.InvariantCulture, $"{at}.except[{h}]"), Message = $"'{source.Except[h]}' is no prefix inside {whole}." });
            }

            result.AddRange(CidrSets.Except([whole], holes));
        }

        return result;
    }
}
