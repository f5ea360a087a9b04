namespace Datum.Providers.Drivers.Vsphere;

/// <summary>What the driver promises.</summary>
internal static class VsphereDescriptor
{
    public const string Version = "0.1.0";
    public const string UserCredential = "username";
    public const string PasswordCredential = "password";
    public const int MaxContainers = 32;
    public const int MaxInterfaces = 10;

    /// <summary>One paravirtual controller has 15 places, and the boot disk's is on another or takes one.</summary>
    public const int MaxDataDisks = 14;

    /// <summary>What VMware Tools hand to cloud-init: one variable, as it is stored.</summary>
    public const int MaxUserData = 64 * 1024;

    /// <summary>Reads follow a task that is done at once; a task that was just taken may not be listed for a moment.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    public static DriverDescriptor Describe() => new()
    {
        Id = "vsphere",
        Version = Version,
        LocationKey = "vsphere",
        LocationSchema = VsphereLocation.Schema,
        SettingsSchema = VsphereSettings.Schema,
        CredentialKeys =
        [
            new() { Key = UserCredential, Required = true, Description = "The user, with its domain: datum@vsphere.local." },
            new() { Key = PasswordCredential, Required = true, Description = "The user's password." },
        ],
        // A session sees the whole vCenter, whatever the Location.
        SessionScope = [],
        RangeOrder = RangeOrder.RangeFirst,
        Kinds =
        [
            Kind(ResourceKind.Network, CreateClass.Named, 5, ["mtu", "ranges"]),
            Kind(ResourceKind.Disk, CreateClass.Marked, 5, ["sizeGiB"]),
            // A listing shows neither extraConfig nor what guests report: it tells early that something changed, and looks find the rest.
            Kind(ResourceKind.Instance, CreateClass.Named, 90, ["size", "suspended", "restartedAt"]) with { ListingCarriesFacts = false, ListingCarriesRevision = false },
        ],
        Capabilities = new Capabilities
        {
            // The platform knows no addresses: ranges are the network's, and the driver gives them out.
            Subnets = SubnetSupport.InNetwork,
            Firewall = FirewallScope.Guest,
            IpFamilies = IpFamilySupport.Any,
            ChoosesAddress = true,
            MaxContainers = MaxContainers,
            VirtualMachines = true,
            MaxDataDisks = MaxDataDisks,
            MaxInterfaces = MaxInterfaces,
            MaxUserDataBytes = MaxUserData,
            UserDataGzip = true,
            UserDataForms = [UserDataForm.CloudInit],
            Secrets = SecretRoute.SeedMedium,
            GuestHealth = true,
            Marks = new MarkLimits { Style = MarkStyle.NameOnly, MaxLength = 255 },
        },
    };

    private static KindDescriptor Kind(ResourceKind kind, CreateClass createClass, int seconds, ImmutableArray<string> updatable) => new()
    {
        Kind = kind,
        CreateClass = createClass,
        ConsistencyWindow = Window,
        ListQuality = ListQuality.ClientSide,
        ListingCarriesFacts = true,
        ListingCarriesRevision = true,
        UpdatablePaths = updatable,
        TypicalCreate = TimeSpan.FromSeconds(seconds),
        CreateDeadline = TimeSpan.FromMinutes(30),
    };
}
