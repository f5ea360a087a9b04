using Company_Cloud.StandIn;

namespace Company_Cloud.Tests;

/// <summary>
/// What the kit may do to the platform behind the driver's back. Each interface switches further cases on. No IOperationFailure: this platform has
/// no operations, a server tells its failure itself.
/// </summary>
public sealed partial class CloudWorld : ICensus, IVanish, IForeignObjects, IMarkTampering, IDriftMaker, IAccountSwap, ICredentialControl,
    IQuotaControl, ICapacityControl, IThrottleControl, ISlowOperations, IPageControl, IDeletionBlocker
{
    private string _accepted = "stand-in-token-1";
    private int _copies;

    private IEnumerable<Item> All => _platform.Networks.All().Concat<Item>(_platform.Servers.All());

    public ValueTask<ImmutableArray<CensusObject>> CountAsync() => new(
    [
        .. from item in All
           let mark = Marks.Parse(item.Labels)
           where mark?.Installation == Connection.Installation
           select new CensusObject
           {
               Id = item.Id,
               Kind = mark.Kind,
               IdentityName = mark.Name,
               Incarnation = mark.Incarnation,
               Labels = $"{item.Name} {item.Description} {string.Join(' ', item.Labels)}",
               Revision = item.Revision,
           },
    ]);

    public ValueTask VanishAsync(ResourceKind kind, Part part) => Set(() => Vanish(part.Id));

    public ValueTask<string> MakeForeignAsync(Identity identity, string part)
    {
        var name = Naming.NameOf(identity);
        return new(identity.Kind == ResourceKind.Network
            ? _platform.Networks.Create(new Network { Name = name, Ranges = ["10.99.0.0/24"] }).Id
            : _platform.Servers.Create(new VirtualServer { Name = name, NetworkId = SomebodysNetwork() }).Id);
    }

    // The driver searches by name, and a name is taken once.
    public bool CopiesAnswer => false;

    public ValueTask<string> CopyAsync(ResourceKind kind, Part part)
    {
        var name = $"copy-{++_copies}";
        return new(kind == ResourceKind.Network
            ? _platform.Networks.Create(_platform.Networks.Get(part.Id) with { Name = name }).Id
            : _platform.Servers.Create(_platform.Servers.Get(part.Id) with { Name = name }).Id);
    }

    public ValueTask StripMarkAsync(ResourceKind kind, Part part) => LabelAsync(kind, part, []);

    public ValueTask ForgeMarkAsync(ResourceKind kind, Part part, string installation) =>
        LabelAsync(kind, part, new(Find(part).Labels) { [Marks.InstallKey] = installation });

    public ValueTask<string?> MakeDriftAsync(ResourceKind kind, Part part)
    {
        if (kind == ResourceKind.Network)
        {
            _platform.Networks.Put(_platform.Networks.Get(part.Id) with { Mtu = 1350 });
            return new("mtu");
        }

        _platform.Servers.Put(_platform.Servers.Get(part.Id) with { PoweredOn = false });
        return new("suspended");
    }

    public ValueTask SwapAccountAsync() => Set(() =>
    {
        _platform.AccountId = "account-2";
        foreach (var item in All.ToList())
            Vanish(item.Id);
    });

    public ValueTask RotateAsync() => Set(() => _platform.Token = _accepted = "stand-in-token-2");

    public ValueTask RevokeAsync() => Set(() => _platform.Token = "");

    // The platform gives out no session tokens: there is none to expire.
    public ValueTask ExpireTokensAsync() => ValueTask.CompletedTask;

    public ValueTask SetQuotaAsync(ResourceKind kind, int? limit) => Set(() =>
    {
        if (kind == ResourceKind.Network)
            _platform.Networks.Quota = limit;
        else
            _platform.Servers.Quota = limit;
    });

    public ValueTask SetFullAsync(bool full) => Set(() => _platform.Full = full);

    public ValueTask SetThrottledAsync(TimeSpan? retryAfter) => Set(() => _platform.ThrottledFor = retryAfter);

    public ValueTask SetDurationAsync(TimeSpan duration) => Set(() => _platform.StartTakes = _platform.StopTakes = duration);

    public ValueTask SetPageSizeAsync(int size) => Set(() => _platform.PageSize = size);

    public ValueTask<string?> BlockAsync(ResourceKind kind, Part part) => new(kind == ResourceKind.Network
        ? _platform.Servers.Create(new VirtualServer { Name = "somebodys-server", NetworkId = part.Id }).Id
        : null);

    private string SomebodysNetwork() => (_platform.Networks.All().FirstOrDefault(n => n.Name == "somebodys-network")
        ?? _platform.Networks.Create(new Network { Name = "somebodys-network", Ranges = ["10.98.0.0/24"] })).Id;

    private void Vanish(string id)
    {
        _platform.Networks.Vanish(id);
        _platform.Servers.Vanish(id);
    }

    private Item Find(Part part) => All.First(i => i.Id == part.Id);

    private ValueTask LabelAsync(ResourceKind kind, Part part, Dictionary<string, string> labels) => Set(() =>
    {
        if (kind == ResourceKind.Network)
            _platform.Networks.Put(_platform.Networks.Get(part.Id) with { Labels = labels });
        else
            _platform.Servers.Put(_platform.Servers.Get(part.Id) with { Labels = labels });
    });

    private static ValueTask Set(Action set)
    {
        set();
        return ValueTask.CompletedTask;
    }
}
