using System.Globalization;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Networks;

/// <summary>A Podman network holds a network and its subnets: one object with at most one range a family.</summary>
internal sealed class PodmanNetworks(Session session) : IResourceDriver<NetworkSpec, NetworkFacts>
{
    public const string PartName = "network";
    private const string MtuOption = "mtu";

    private static readonly Step CreateStep = new() { Part = PartName, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "create network" };
    private static readonly Step DeleteStep = new() { Part = PartName, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = "remove network" };

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, NetworkSpec desired) => new(Validate(desired));

    public async ValueTask<Answer<Observation<NetworkFacts>>> ObserveAsync(Call call, Identity id, NetworkSpec? desired, Handle? handle)
    {
        var found = await session.Podman.NetworkAsync(call, Name(id));
        if (found.Error is { } error)
            return error;
        if (found.Value is not { } network)
            return new Absent<NetworkFacts> { Next = desired is null ? null : CreateStep };
        return Observe(id, desired, network);
    }

    public async ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired)
    {
        if (operation.Step.Part != PartName)
            return Failed(Session.UnknownStep(operation.Step));
        if (Validate(desired).FirstOrDefault(f => !f.Tolerated) is { } finding)
            return Failed(new DriverError { Code = ErrorCode.Unsupported, Effect = Effect.NotApplied, Message = finding.Message, Field = finding.Path });
        if (id.PartId(PartName) is { } recorded)
        {
            var known = await session.Podman.NetworkAsync(operation.Call, recorded);
            if (known.Value is null)
                return Failed(known.Error ?? Session.Gone(recorded));
        }

        var body = new NetworkObject
        {
            Name = Name(id),
            Driver = "bridge",
            Interface = PodmanNames.Bridge(id),
            Subnets = [.. desired.Ranges.Select(r => new NetworkSubnet { Subnet = r })],
            Ipv6 = desired.Ranges.Any(r => Cidr.Parse(r).IsIPv6),
            Labels = new Dictionary<string, string>(Marks.ToPairs(Marks.For(id))),
            Options = desired.Mtu is { } mtu ? new Dictionary<string, string> { [MtuOption] = mtu.ToString(CultureInfo.InvariantCulture) } : null,
        };
        var result = await session.Podman.CreateNetworkAsync(operation.Call, body);
        if (result.Error is not { } error)
            return new Done<NetworkFacts> { Parts = Parts(id) };
        if (error.Code != ErrorCode.Conflict)
            return Failed(error);
        // Taken: by an earlier try of ours whose answer was lost, or by somebody else.
        var found = await session.Podman.NetworkAsync(operation.Call, Name(id));
        if (found.Value is not { } existing)
            return Failed(error);
        return Observe(id, desired, existing) is { Mark: MarkState.Ours } ours && ours.Incarnation == id.Incarnation
            ? new Done<NetworkFacts> { Parts = ours.Parts, Observation = ours }
            : Failed(error with { BlockedBy = [existing.Name] });
    }

    public ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired) =>
        new(Failed(Session.UnknownStep(operation.Step)));

    public async ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id)
    {
        if (operation.Step.Part != PartName)
            return Failed(Session.UnknownStep(operation.Step));
        var found = await session.Podman.NetworkAsync(operation.Call, Name(id));
        if (found.Error is { } lookError)
            return Failed(lookError);
        if (found.Value is not { } network)
            return new Done<NetworkFacts> { Observation = new Absent<NetworkFacts>() };
        if (MarkOf(id, network) is not MarkState.Ours and var mark)
            return Failed(Session.NotOurs(network.Name, mark));
        var result = await session.Podman.DeleteNetworkAsync(operation.Call, network.Name);
        if (result.NotFound)
            return new Done<NetworkFacts> { Observation = new Absent<NetworkFacts>() };
        var error = result.Error ?? Removal(result);
        if (error is null)
            return new Done<NetworkFacts>();
        return Failed(error.Code == ErrorCode.Conflict ? error with { BlockedBy = await UsersAsync(operation.Call, network.Name) } : error);
    }

    public async ValueTask<Answer<ListPage<NetworkFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        if (Pages.Bad(ResourceKind.Network, cursor) is { } bad)
            return bad;
        var answer = await session.Podman.NetworksAsync(call, $"{Marks.InstallKey}={query.Installation}", Session.KindLabel(ResourceKind.Network));
        if (answer.Error is { } error)
            return error;
        var items = ImmutableArray.CreateBuilder<Listed<NetworkFacts>>();
        foreach (var network in answer.Value!)
        {
            if (Marks.Parse(network.Labels ?? []) is not { } mark)
                continue;
            var facts = Facts(network);
            items.Add(new Listed<NetworkFacts>
            {
                Name = mark.Name,
                Incarnation = mark.Incarnation,
                Parts = [new Part { Name = PartName, Id = network.Name }],
                State = Lifecycle.Ready,
                Facts = facts,
                Revision = string.Create(CultureInfo.InvariantCulture, $"{string.Join(',', facts.Ranges)}/{facts.Mtu}/{mark.Incarnation}"),
                CreatedAt = network.Created,
            });
        }

        return Pages.Of(ResourceKind.Network, items, query.PageSize, cursor);
    }

    internal static ImmutableArray<Finding> Validate(NetworkSpec desired)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var (v4, v6) = (0, 0);
        for (var i = 0; i < desired.Ranges.Length; i++)
        {
            if (!Cidr.TryParse(desired.Ranges[i], out var range))
                findings.Add(new Finding { Path = $"ranges[{i}]", Message = $"'{desired.Ranges[i]}' is no address range." });
            else if (range.AddressBits - range.PrefixLength < 2)
                findings.Add(new Finding { Path = $"ranges[{i}]", Message = $"{range} has no room for a gateway and an instance." });
            else if (range.IsIPv6)
                v6++;
            else
                v4++;
        }

        if (v4 > 1 || v6 > 1)
            findings.Add(new Finding { Path = "ranges", Message = "A Podman network takes one range of each family.", Capability = "subnets" });
        if (v4 == 0)
            findings.Add(new Finding { Path = "ranges", Message = "Podman gives every network an IPv4 range; name one.", Capability = "ipFamilies" });
        if (desired.IpFamilies.Contains("IPv6") && v6 == 0)
            findings.Add(new Finding { Path = "ipFamilies", Message = "IPv6 is wished for, and no IPv6 range is given." });
        return findings.ToImmutable();
    }

    private static string Name(Identity id) => id.PartId(PartName) ?? PodmanNames.For(id);

    // The network's id at Podman is a hash of its name, so the name is the id that says the same.
    private static ImmutableArray<Part> Parts(Identity id) => [new Part { Name = PartName, Id = PodmanNames.For(id) }];

    private static MarkState MarkOf(Identity id, NetworkObject network) => Marks.Compare(id, Marks.Parse(network.Labels ?? []));

    private static Present<NetworkFacts> Observe(Identity id, NetworkSpec? desired, NetworkObject network)
    {
        var facts = Facts(network);
        var mark = MarkOf(id, network);
        var diff = new SpecDiff();
        if (desired is not null && mark == MarkState.Ours)
        {
            if (!desired.Ranges.IsEmpty)
                diff.Set("ranges", desired.Ranges, facts.Ranges, Remedy.Replace);
            diff.Number("mtu", desired.Mtu, facts.Mtu, Remedy.Replace);
        }

        return new Present<NetworkFacts>
        {
            Facts = facts,
            Parts = [new Part { Name = PartName, Id = network.Name }],
            State = Lifecycle.Ready,
            Mark = mark,
            Incarnation = Marks.Parse(network.Labels ?? [])?.Incarnation ?? 0,
            Drift = diff.ToDrift(),
            Next = desired is null && mark == MarkState.Ours ? DeleteStep : null,
        };
    }

    private static NetworkFacts Facts(NetworkObject network) => new()
    {
        PlatformState = "present",
        Ranges = [.. (network.Subnets ?? []).Select(s => s.Subnet)],
        Mtu = network.Options is { } options && options.TryGetValue(MtuOption, out var text)
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var mtu) ? mtu : null,
    };

    // Podman answers 200 with a list in which each entry has an error of its own.
    private static DriverError? Removal(RestResult result)
    {
        if (result.Body.IsEmpty)
            return null;
        var answer = result.Read(LibpodJson.Default.ListNetworkRemoval);
        if (answer.Error is not null)
            return answer.Error;
        foreach (var entry in answer.Value!)
            if (entry.Err is { ValueKind: not System.Text.Json.JsonValueKind.Null } inner)
                return LibpodErrors.Table.Classify(500, new ErrorDetail { Message = inner.ToString() }, mutation: true);
        return null;
    }

    private async ValueTask<ImmutableArray<string>> UsersAsync(Call call, string network)
    {
        var users = await session.Podman.ContainersAsync(call, "network", network);
        return users.Value is not { } list ? []
            : [.. list.Select(c => c.PodName is { Length: > 0 } pod ? pod : c.Names is [var first, ..] ? first : c.Id).Distinct(StringComparer.Ordinal)];
    }

    private static Outcome<NetworkFacts> Failed(DriverError error) => new Failed<NetworkFacts> { Error = error };
}
