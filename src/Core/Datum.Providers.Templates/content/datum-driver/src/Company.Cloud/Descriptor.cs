using System.Reflection;

namespace Company_Cloud;

/// <summary>What the host must know before a session exists (DC-1). Everything here is a promise about the platform: the kit tests it.</summary>
internal static class Descriptor
{
    public const string TokenKey = "token";
    public const int MaxContainers = 8;
    public const int MaxNameLength = 63;

    public static DriverDescriptor Create() => new()
    {
        Id = "company-cloud-id",
        Version = Version,
        LocationKey = "companycloudkey",
        LocationSchema = """
            {"type":"object","required":["zone"],"properties":{
              "zone":{"type":"string","minLength":1,"maxLength":63,"default":"a","description":"The zone that servers run in."}}}
            """,
        SettingsSchema = """{"type":"object","properties":{}}""",
        CredentialKeys = [new CredentialKey { Key = TokenKey, Required = true, Description = "An API token of the account." }],
        // A network of this platform needs its address ranges when it is made, and holds them itself: there are no subnets to make.
        RangeOrder = RangeOrder.RangeFirst,
        Kinds =
        [
            Kind(ResourceKind.Network) with { UpdatablePaths = ["ranges", "mtu"] },
            Kind(ResourceKind.Instance) with { UpdatablePaths = ["interfaces.ingress", "suspended", "restartedAt", "terminationGraceSeconds"] },
        ],
        Capabilities = new Capabilities
        {
            Subnets = SubnetSupport.InNetwork,
            Firewall = FirewallScope.Instance,
            IpFamilies = IpFamilySupport.IPv4Only,
            MaxContainers = MaxContainers,
            // No machines, no data disks, no secrets: the host refuses such a wish with the name of the capability (L11).
            Secrets = SecretRoute.None,
            Marks = new MarkLimits { Style = MarkStyle.KeyValue, MaxLength = 63 },
        },
    };

    private static KindDescriptor Kind(ResourceKind kind) => new()
    {
        Kind = kind,
        // The platform refuses a second object of the same name, and we choose the name. Claim only what yours really does (L5).
        CreateClass = CreateClass.Named,
        // What this platform has made, it shows at once. Most real ones don't: measure, then take the worst.
        ConsistencyWindow = TimeSpan.Zero,
        ListQuality = ListQuality.ServerSide,
        ListingCarriesFacts = true,
        ListingCarriesRevision = true,
        TypicalCreate = TimeSpan.FromSeconds(5),
        CreateDeadline = TimeSpan.FromMinutes(5),
    };

    // The host compares it with driver.json, which the build writes with the same version.
    private static string Version =>
        typeof(Descriptor).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
