namespace Datum.Providers.Drivers.Simulator;

/// <summary>The descriptor, from a profile alone.</summary>
internal static class SimulatorDescriptor
{
    public const string Version = "0.1.0";
    public const string TokenKey = "token";
    public const int MaxContainers = 16;
    public const int MaxInterfaces = 4;
    public const int MaxDataDisks = 8;

    public static ImmutableArray<ResourceKind> Kinds =>
        [ResourceKind.Network, ResourceKind.Subnet, ResourceKind.Firewall, ResourceKind.Disk, ResourceKind.Secret, ResourceKind.Instance];

    private const string LocationSchema = """
        {"type":"object","required":["zone"],"properties":{
          "region":{"type":"string","minLength":1,"maxLength":63},
          "zone":{"type":"string","minLength":1,"maxLength":63}}}
        """;

    private const string SettingsSchema = """
        {"type":"object","properties":{
          "statePath":{"type":"string","minLength":1},
          "accountId":{"type":"string","minLength":1,"maxLength":128},
          "seed":{"type":"integer"},
          "knobs":{"type":"object","properties":{
            "createClasses":{"type":"object","additionalProperties":{"type":"string","enum":["Token","Named","Marked","Manual"]}},
            "tokenLife":{"type":"string"},"latency":{"type":"string"},"latencyJitter":{"type":"string"},
            "operationDurations":{"type":"object","additionalProperties":{"type":"string"}},
            "operationLife":{"type":"string"},"idsOnlyInOperation":{"type":"boolean"},
            "needsApproval":{"type":"array","items":{"type":"string"}},
            "quota":{"type":"object","additionalProperties":{"type":"integer"}},
            "zoneCapacity":{"type":"object","additionalProperties":{"type":"integer"}},
            "consistencyWindow":{"type":"string"},"listLag":{"type":"string"},"tombstoneLife":{"type":"string"},
            "requestsPerSecond":{"type":"integer","minimum":1},"retryAfter":{"type":"string"},
            "failureRate":{"type":"number","minimum":0,"maximum":1},"lostAnswerRate":{"type":"number","minimum":0,"maximum":1},
            "pageSize":{"type":"integer","minimum":1},
            "unreachableZones":{"type":"array","items":{"type":"string"}},
            "guestReports":{"type":"boolean"},"guestStopTime":{"type":"string"},
            "cpuLoad":{"type":"number","minimum":0},"usageLag":{"type":"string"}}}}}
        """;

    public static DriverDescriptor For(SimulatorProfile profile) => new()
    {
        Id = "simulator",
        Version = Version,
        LocationKey = "simulator",
        LocationSchema = LocationSchema,
        SettingsSchema = SettingsSchema,
        CredentialKeys = [new CredentialKey { Key = TokenKey, Description = "What the platform lets callers in by; only where it requires one." }],
        RangeOrder = profile.RangeOrder,
        Kinds = [.. Kinds.Select(k => Kind(profile, k))],
        Abilities = [Ability.Power, Ability.ConsoleLog, Ability.ImageCatalog, Ability.Offerings, Ability.Quotas, Ability.ChangeFeed, Ability.Usage],
        Capabilities = new Capabilities
        {
            Subnets = SubnetSupport.Separate,
            Firewall = FirewallScope.Separate,
            IpFamilies = IpFamilySupport.Any,
            ChoosesAddress = true,
            ExternalAddress = true,
            MaxContainers = MaxContainers,
            VirtualMachines = true,
            MaxDataDisks = MaxDataDisks,
            MaxInterfaces = MaxInterfaces,
            Secrets = SecretRoute.GuestChannel,
            GuestHealth = true,
            Marks = new MarkLimits { Style = MarkStyle.KeyValue, MaxLength = 63 },
        },
    };

    private static KindDescriptor Kind(SimulatorProfile profile, ResourceKind kind) => new()
    {
        Kind = kind,
        CreateClass = profile.WeakestCreateClass,
        TokenLife = profile.TokenLife,
        ConsistencyWindow = profile.ConsistencyWindow,
        // Where a session may be of class D, lists may show no labels.
        ListQuality = profile.WeakestCreateClass == CreateClass.Manual ? ListQuality.None : ListQuality.ServerSide,
        ListingCarriesFacts = true,
        ListingCarriesRevision = true,
        UpdatablePaths = kind switch
        {
            ResourceKind.Network => profile is { RangeOrder: RangeOrder.RangeFirst, WidensNetworks: true } ? ["mtu", "ranges"] : ["mtu"],
            ResourceKind.Firewall => ["ingress"],
            ResourceKind.Disk => ["sizeGiB"],
            ResourceKind.Secret => ["payload.hash"],
            ResourceKind.Instance => ["interfaces.firewalls", "suspended", "restartedAt", "terminationGraceSeconds"],
            _ => [],
        },
        Adoptable = true,
        TypicalCreate = TimeSpan.FromSeconds(5),
        CreateDeadline = TimeSpan.FromMinutes(10),
    };
}
