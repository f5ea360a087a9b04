using Datum.Providers.Conformance;
using Datum.Providers.Drivers.Podman.Firewall;
using Datum.Providers.Drivers.Podman.Instances;

namespace Datum.Providers.Drivers.Podman.Tests.Conformance;

/// <summary>What can be done behind the driver's back. Podman's labels are fixed at create, so a mark changes by making the object again under its name.</summary>
internal sealed partial class PodmanWorld : ICensus, IVanish, IForeignObjects, IMarkTampering, IDriftMaker, IDeletionBlocker, IObjectReader, IPathWishes, IPackedDriver
{
    // Numbers of ranges that samples don't reach.
    private int _spare = 200;

    // Beside the tests lies what a packed driver's folder holds.
    public string? Folder => AppContext.BaseDirectory;

    public string Assembly => "Datum.Providers.Drivers.Podman.dll";

    public string FactoryType => typeof(PodmanDriverFactory).FullName!;

    public async ValueTask<ImmutableArray<CensusObject>> CountAsync() => await _objects.CountAsync();

    public async ValueTask<CensusObject?> ReadAsync(ResourceKind kind, Part part) => await _objects.ReadAsync(CollectionOf(kind, part), part.Id);

    public ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> WishesOf(ResourceKind kind) => _samples.WishesOf(kind);

    public async ValueTask VanishAsync(ResourceKind kind, Part part) => await _objects.RemoveAsync(CollectionOf(kind, part), part.Id);

    public async ValueTask<string> MakeForeignAsync(Identity identity, string part)
    {
        switch (identity.Kind)
        {
            case ResourceKind.Network:
                return await MakeNetworkAsync(PodmanNames.For(identity), []);
            case ResourceKind.Disk:
                return await _objects.MakeAsync("volumes", PodmanNames.For(identity), []);
            case ResourceKind.Instance when part == InstanceParts.Pod:
                return await _objects.MakeAsync("pods", PodmanNames.For(identity), []);
            case ResourceKind.Instance when part == InstanceParts.Container("web"):
                return await _objects.MakeAsync("containers", InstanceBodies.ContainerName(identity, "web"), []);
            default:
                throw new NotApplicableException($"Step {part} makes nothing that has a name.");
        }
    }

    public async ValueTask<string> CopyAsync(ResourceKind kind, Part part)
    {
        var collection = CollectionOf(kind, part);
        var labels = await _objects.LabelsAsync(collection, part.Id);
        var name = $"copy-{Guid.NewGuid():N}";
        return collection == "networks" ? await MakeNetworkAsync(name, labels) : await _objects.MakeAsync(collection, name, labels);
    }

    // Names are unique at Podman, and the driver looks for its own ones.
    public bool CopiesAnswer => false;

    public ValueTask StripMarkAsync(ResourceKind kind, Part part) => RemakeAsync(kind, part, _ => []);

    public ValueTask ForgeMarkAsync(ResourceKind kind, Part part, string installation) => RemakeAsync(kind, part, labels =>
    {
        labels[Marks.InstallKey] = installation;
        return labels;
    });

    public async ValueTask<string?> MakeDriftAsync(ResourceKind kind, Part part)
    {
        switch (kind)
        {
            case ResourceKind.Network:
                var labels = await _objects.LabelsAsync("networks", part.Id);
                await _objects.RemoveAsync("networks", part.Id);
                await MakeNetworkAsync(part.Id, labels);
                return "mtu";
            case ResourceKind.Instance when part.Name == InstanceParts.Pod:
                if (await _objects.NetworkNamespaceAsync(part.Id) is not { } netns)
                    return null;
                var error = await new NsenterFirewall(TimeProvider.System).ApplyAsync(netns, "delete table inet datum\n", CancellationToken.None);
                return error is null ? "interfaces.ingress" : throw new InvalidOperationException(error.Message);
            default:
                return null;
        }
    }

    public async ValueTask<string?> BlockAsync(ResourceKind kind, Part part)
    {
        var name = $"users-{Guid.NewGuid():N}";
        object extra = kind switch
        {
            ResourceKind.Network => new { networks = new Dictionary<string, object> { [part.Id] = new { } }, netns = new { nsmode = "bridge" } },
            ResourceKind.Disk => new { volumes = new[] { new { Name = part.Id, Dest = "/theirs" } } },
            _ => new { pod = part.Id },
        };
        await _objects.MakeContainerAsync(name, [], extra);
        return name;
    }

    private async ValueTask RemakeAsync(ResourceKind kind, Part part, Func<Dictionary<string, string>, Dictionary<string, string>> change)
    {
        var collection = CollectionOf(kind, part);
        if (collection is "pods" or "containers")
            throw new NotApplicableException("Podman can't change the labels of a pod or container, and one that is made again has another id.");
        var labels = change(await _objects.LabelsAsync(collection, part.Id));
        await _objects.RemoveAsync(collection, part.Id);
        _ = collection == "networks" ? await MakeNetworkAsync(part.Id, labels) : await _objects.MakeAsync(collection, part.Id, labels);
    }

    private Task<string> MakeNetworkAsync(string name, Dictionary<string, string> labels)
    {
        var number = Interlocked.Increment(ref _spare);
        return _objects.MakeNetworkAsync(name, labels, [_ranges.V4(number), _ranges.V6(number)]);
    }

    private static string CollectionOf(ResourceKind kind, Part part) => kind switch
    {
        ResourceKind.Network => "networks",
        ResourceKind.Disk => "volumes",
        _ => part.Name == InstanceParts.Pod ? "pods" : "containers",
    };
}
