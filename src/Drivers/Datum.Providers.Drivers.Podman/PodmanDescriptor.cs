namespace Datum.Providers.Drivers.Podman;

/// <summary>What the host must know before a session exists.</summary>
internal static class PodmanDescriptor
{
    /// <summary>That of the assembly, without build metadata, as the manifest has it.</summary>
    public static string Version { get; } = (typeof(PodmanDescriptor).Assembly
        .GetCustomAttributes(typeof(System.Reflection.AssemblyInformationalVersionAttribute), false) is [System.Reflection.AssemblyInformationalVersionAttribute version]
        ? version.InformationalVersion : "0.0.0").Split('+')[0];

    public const int MaxContainers = 16;
    public const int MaxDataDisks = 16;

    private const string LocationSchema = """
        {
          "type": "object",
          "properties": {
            "host": { "type": "string", "maxLength": 63, "description": "A label of the machine, for people." }
          }
        }
        """;

    public static DriverDescriptor Create() => new()
    {
        Id = "podman",
        Version = Version,
        LocationKey = "podman",
        LocationSchema = LocationSchema,
        SettingsSchema = PodmanSettings.Schema,
        RangeOrder = RangeOrder.RangeFirst,
        Abilities = [Ability.Power, Ability.ConsoleLog, Ability.ImageCatalog, Ability.ChangeFeed, Ability.Usage],
        Kinds =
        [
            Kind(ResourceKind.Network, listsFacts: true),
            Kind(ResourceKind.Disk, listsFacts: false),
            Kind(ResourceKind.Instance, listsFacts: false) with
            {
                UpdatablePaths = ["interfaces.ingress", "suspended"],
                TypicalCreate = TimeSpan.FromSeconds(5),
                // An image may be gigabytes.
                CreateDeadline = TimeSpan.FromMinutes(15),
            },
        ],
        Capabilities = new Capabilities
        {
            Subnets = SubnetSupport.InNetwork,
            Firewall = FirewallScope.Instance,
            // Podman adds an IPv4 range of its own to a network that has none.
            IpFamilies = IpFamilySupport.IPv4OrDual,
            ChoosesAddress = true,
            MaxContainers = MaxContainers,
            MaxDataDisks = MaxDataDisks,
            Secrets = SecretRoute.GuestChannel,
            GuestHealth = true,
            Marks = new MarkLimits { Style = MarkStyle.KeyValue, MaxLength = 4096 },
        },
    };

    private static KindDescriptor Kind(ResourceKind kind, bool listsFacts) => new()
    {
        Kind = kind,
        CreateClass = CreateClass.Named,
        // One process with one database: what was answered is there. Some seconds for a request that was cut off in the middle.
        ConsistencyWindow = TimeSpan.FromSeconds(5),
        ListQuality = ListQuality.ServerSide,
        ListingCarriesFacts = listsFacts,
        ListingCarriesRevision = true,
        TypicalCreate = TimeSpan.FromSeconds(1),
        CreateDeadline = TimeSpan.FromMinutes(1),
        CallTimeout = TimeSpan.FromSeconds(30),
    };
}
