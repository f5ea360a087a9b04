using System.Globalization;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>Faults in the descriptor and in sessions.</summary>
internal static class DescriptionMutants
{
    public static IEnumerable<Mutant> All =>
    [
        new() { Name = "describes itself otherwise each time", Rule = "DC-1", Case = 1, Says = "answers otherwise", Describe = Counted() },
        new() { Name = "has a factory that isn't public", Rule = "DC-2", Case = 2, Says = "isn't public" },
        new() { Name = "has a version that isn't semantic", Rule = "DC-1", Case = 3, Says = "isn't semantic", Describe = d => d with { Version = "v2" } },
        new() { Name = "has a location schema that is no object", Rule = "DC-1", Case = 4, Says = "LocationSchema", Describe = d => d with { LocationSchema = """{"type":"string"}""" } },
        new() { Name = "names a session scope that the location doesn't have", Rule = "DC-4", Case = 6, Says = "SessionScope names tenant", Describe = d => d with { SessionScope = ["tenant"] } },
        new() { Name = "describes a kind twice", Rule = "DC-1", Case = 7, Says = "described twice", Describe = d => d with { Kinds = [.. d.Kinds, d.Kinds[0]] } },
        new() { Name = "relies on tokens that live for no time", Rule = "DC-40", Case = 8, Kind = ResourceKind.Disk, Says = "TokenLife is zero", Describe = Kinds(k => k with { CreateClass = CreateClass.Token, TokenLife = TimeSpan.Zero }) },
        new() { Name = "has a deadline before the usual time", Rule = "DC-83", Case = 9, Kind = ResourceKind.Network, Says = "CreateDeadline", Describe = Kinds(k => k with { CreateDeadline = TimeSpan.FromSeconds(1) }) },
        new() { Name = "names an updatable path that no spec has", Rule = "DC-76", Case = 12, Kind = ResourceKind.Network, Says = "mtuBytes", Describe = Kinds(k => k with { UpdatablePaths = ["mtuBytes"] }) },
        new() { Name = "says that it has no firewalls and describes them", Rule = "DC-1", Case = 13, Says = "Capabilities.Firewall is None", Describe = d => d with { Capabilities = d.Capabilities with { Firewall = FirewallScope.None } } },
        new() { Name = "leaves the order of ranges unsaid", Rule = "DC-94", Case = 14, Says = "RangeOrder isn't said", Describe = d => d with { RangeOrder = RangeOrder.Unknown } },
        new() { Name = "has a credential key that it doesn't describe", Rule = "DC-1", Case = 16, Says = "isn't described", Describe = d => d with { CredentialKeys = [new CredentialKey { Key = "token", Description = "" }] } },
        new() { Name = "names an ability twice", Rule = "DC-100", Case = 17, Says = "named twice", Describe = d => d with { Abilities = [.. d.Abilities, d.Abilities[0]] } },
        new() { Name = "names a URL as a host of its egress", Rule = "DC-1", Case = 18, Says = "is no host", Describe = d => d with { Egress = ["https://cloud.test/v1"] } },
        new() { Name = "describes secrets but has no verbs for them", Rule = "DC-1", Case = 21, Says = "the session has", Session = _ => new Seed { WithoutSecrets = true } },
        new() { Name = "announces abilities that the session lacks", Rule = "DC-100", Case = 22, Says = "announced but not implemented", Session = _ => new Seed { WithoutAbilities = true } },
        new() { Name = "has an ability that it doesn't announce", Rule = "DC-100", Case = 22, Says = "implemented but not announced", Describe = d => d with { Abilities = [] } },
        new() { Name = "adopts but doesn't say so", Rule = "DC-100", Case = 22, Says = "Adoptable is False", Describe = Kinds(k => k with { Adoptable = false }) },
        new() { Name = "probes under another account id in each session", Rule = "DC-3", Case = 23, Says = "A second session names another account", Session = Counting(n => new Seed { Probe = _ => Account($"session-{n}") }) },
        new() { Name = "probes without an account id", Rule = "DC-3", Case = 23, Says = "AccountId is empty", Session = _ => new Seed { Probe = _ => Account("") } },
        new()
        {
            Name = "tries out in its probe whether it may create", Rule = "DC-3", Case = 24, Says = "A probe made or removed something",
            Session = c => new Seed
            {
                Probe = async call =>
                {
                    var id = new Identity { Installation = "conf1", Kind = ResourceKind.Network, Name = Edit.Token(77), Incarnation = 1 };
                    var seen = await c.Driver.Networks!.ObserveAsync(call, id, new NetworkSpec(), null);
                    await c.Driver.Networks!.CreateAsync(new Operation { Call = call, Step = ((Absent<NetworkFacts>)seen.Value!).Next!, Token = Edit.Token(1) }, id, new NetworkSpec());
                    return await c.Driver.ProbeAsync(call);
                },
            },
        },
        new() { Name = "probes without asking the platform", Rule = "DC-3", Case = 26, Says = "although the platform gave no answer", Session = _ => new Seed { Probe = _ => Account("sim") } },
        new()
        {
            Name = "lets a probe run on behind its deadline", Rule = "DC-13", Case = 27, Says = "didn't end within", Patience = TimeSpan.FromSeconds(2),
            Session = c => new Seed { Probe = call => c.Driver.ProbeAsync(call.With(CancellationToken.None, DateTimeOffset.MaxValue)) },
        },
        new()
        {
            Name = "can't be closed twice", Rule = "DC-7", Case = 29, Says = "DisposeAsync, time 2, threw ObjectDisposedException",
            Session = c =>
            {
                var closed = false;
                return new Seed
                {
                    Dispose = () =>
                    {
                        ObjectDisposedException.ThrowIf(closed, typeof(Mutant));
                        closed = true;
                        return c.Driver.DisposeAsync();
                    },
                };
            },
        },
        new() { Name = "fails when it is closed", Rule = "DC-7", Case = 23, Says = "DisposeAsync failed", Session = _ => new Seed { Dispose = () => throw new InvalidOperationException("still busy") } },
        new()
        {
            Name = "disposes the host's handler", Rule = "DC-8", Case = 29, Says = "disposed the host's HTTP handler",
            Session = c => new Seed
            {
                Dispose = () =>
                {
                    c.Host.HttpHandler.Dispose();
                    return c.Driver.DisposeAsync();
                },
            },
        },
        new() { Name = "refuses a session with an exception of its own", Rule = "DC-2", Case = 25, Says = "ConnectAsync threw InvalidOperationException", Connect = async (_, open) =>
        {
            var driver = await open();
            using var frame = new CancellationTokenSource();
            var probe = await driver.ProbeAsync(new Call { Cancellation = frame.Token, Deadline = DateTimeOffset.MaxValue, Id = "connect" });
            return probe.Error is { } error ? throw new InvalidOperationException(error.Message) : driver;
        } },

        new() { Name = "finds fault with nothing", Rule = "DC-14", Case = 31, Kind = ResourceKind.Network, Says = "nothing is found at", Session = _ => Networks(new() { Findings = (_, _) => [] }) },
        new() { Name = "refuses a wish that it could fulfil", Rule = "DC-14", Case = 30, Kind = ResourceKind.Network, Says = "sample is refused", Session = _ => Networks(new() { Findings = (f, _) => [.. f, new Finding { Path = "mtu", Message = "Never liked it." }] }) },
        new() { Name = "names paths as its own code does", Rule = "DC-14", Case = 32, Kind = ResourceKind.Network, Says = "is no path of a spec", Session = _ => Networks(new() { Findings = (f, _) => [.. f.Select(x => x with { Path = char.ToUpperInvariant(x.Path[0]) + x.Path[1..] })] }) },
        new() { Name = "finds others when it is asked again", Rule = "DC-12", Case = 32, Kind = ResourceKind.Network, Says = "asked again", Session = _ =>
        {
            var asked = 0;
            return Networks(new() { Findings = (f, _) => [.. f.Select(x => x with { Message = string.Create(CultureInfo.InvariantCulture, $"{x.Message} (asked {asked++} times)") })] });
        } },
        new() { Name = "tells one fault at a time", Rule = "DC-14", Case = 33, Kind = ResourceKind.Disk, Says = "Nothing is found at", Session = _ => new Seed { Disks = new() { Findings = (f, _) => [.. f.Take(1)] } } },
        new() { Name = "tries a wish out in order to validate it", Rule = "DC-14", Case = 34, Kind = ResourceKind.Network, Says = "ValidateAsync sent a request that changes something", Session = c => Networks(new()
        {
            Validate = async (clean, call, desired) =>
            {
                var id = new Identity { Installation = "conf1", Kind = ResourceKind.Network, Name = Edit.Token(88), Incarnation = 1 };
                var seen = await clean.ObserveAsync(call, id, desired, null);
                if (seen.Value is Absent<NetworkFacts> { Next: { } step })
                    await clean.CreateAsync(new Operation { Call = call, Step = step, Token = Edit.Token(2) }, id, desired);
                return await clean.ValidateAsync(call, desired);
            },
        }) },
        new() { Name = "wants references filled in to validate", Rule = "DC-18", Case = 35, Kind = ResourceKind.Subnet, Says = "isn't built yet", Session = _ => new Seed { Subnets = new() { Findings = (f, desired) => desired.Network.ProviderId is null ? [.. f, new Finding { Path = "network", Message = "The network has no id." }] : f } } },
        new() { Name = "takes more interfaces than it can", Rule = "L11", Case = 36, Kind = ResourceKind.Instance, Says = "at interfaces isn't refused", Session = _ => new Seed { Instances = new() { Findings = (f, _) => [.. f.Where(x => !x.Path.StartsWith("interfaces", StringComparison.Ordinal))] } } },
        new() { Name = "tolerates of its own accord", Rule = "DC-14", Case = 38, Kind = ResourceKind.Network, Says = "Tolerated although nothing allows it", Session = _ => Networks(new() { Findings = (f, _) => [.. f.Select(x => x with { Tolerated = true })] }) },
    ];

    public static Seed Networks(Seams<NetworkSpec, NetworkFacts> seams) => new() { Networks = seams };

    private static Func<DriverDescriptor, DriverDescriptor> Kinds(Func<KindDescriptor, KindDescriptor> change) => d => d with { Kinds = [.. d.Kinds.Select(change)] };

    private static ValueTask<Answer<AccountFacts>> Account(string id) => new((Answer<AccountFacts>)new AccountFacts { AccountId = id });

    private static Func<DriverDescriptor, DriverDescriptor> Counted()
    {
        var asked = 0;
        return d => d with { Version = string.Create(CultureInfo.InvariantCulture, $"0.1.{asked++}") };
    }

    private static Func<MutantContext, Seed> Counting(Func<int, Seed> seed)
    {
        var sessions = 0;
        return _ => seed(++sessions);
    }
}
