namespace Datum.Providers.Drivers.Gcp;

/// <summary>What the driver promises.</summary>
internal static class GcpDescriptor
{
    public const string Version = "0.1.0";
    public const string KeyCredential = "serviceAccountKey";
    public const string FederationCredential = "externalAccount";
    public const string SubjectCredential = "subjectToken";
    public const int MaxContainers = 32;
    public const int MaxInterfaces = 8;
    public const int MaxDataDisks = 16;

    /// <summary>A value of instance metadata; that of all together is twice as much.</summary>
    public const int MaxUserData = 256 * 1024;

    /// <summary>How late a list may be. Reads by name follow an operation that is done at once.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    public static DriverDescriptor Describe() => new()
    {
        Id = "gcp",
        Version = Version,
        LocationKey = "gcp",
        LocationSchema = GcpLocation.Schema,
        SettingsSchema = GcpSettings.Schema,
        CredentialKeys =
        [
            new() { Key = KeyCredential, Description = "A service account's key file (JSON)." },
            new() { Key = FederationCredential, Description = "Workload identity federation: the configuration that gcloud writes (JSON, type external_account)." },
            new() { Key = SubjectCredential, Description = "The token that is exchanged by federation, where the configuration's own source can't be read by the host." },
        ],
        Egress = ["compute.googleapis.com", "secretmanager.googleapis.com", "oauth2.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com", "metadata.google.internal"],
        SessionScope = ["projectId"],
        RangeOrder = RangeOrder.NetworkFirst,
        // Not Power: the platform can neither cut the power without asking the guest nor restart it by asking (DC-102). The wish can do both.
        Abilities = [Ability.ConsoleLog, Ability.ImageCatalog, Ability.Offerings, Ability.Quotas],
        Kinds =
        [
            Kind(ResourceKind.Network, 10, ["mtu"]) with { SharingScope = ["projectId"] },
            Kind(ResourceKind.Subnet, 15, []),
            Kind(ResourceKind.Firewall, 8, ["ingress"]),
            Kind(ResourceKind.Address, 5, []),
            Kind(ResourceKind.Disk, 5, ["sizeGiB"]) with { Adoptable = true },
            Kind(ResourceKind.Secret, 2, ["payload.hash"]),
            // A listing shows neither what serial ports say nor metadata: it tells early that something changed, and looks find the rest.
            Kind(ResourceKind.Instance, 30, ["interfaces.firewalls", "suspended", "restartedAt"]) with { ListingCarriesFacts = false, ListingCarriesRevision = false, Adoptable = true },
        ],
        Capabilities = new Capabilities
        {
            Subnets = SubnetSupport.Separate,
            Firewall = FirewallScope.Separate,
            // A dual-stack subnetwork gets its IPv6 prefix from the platform, and an interface has one subnetwork: a Subnet of ours in IPv6 has no place.
            // Addresses from the platform's own prefixes come by the settings.
            IpFamilies = IpFamilySupport.IPv4Only,
            ChoosesAddress = true,
            ExternalAddress = true,
            MaxContainers = MaxContainers,
            VirtualMachines = true,
            MaxDataDisks = MaxDataDisks,
            MaxInterfaces = MaxInterfaces,
            MaxUserDataBytes = MaxUserData,
            UserDataForms = [UserDataForm.CloudInit],
            Secrets = SecretRoute.Store,
            GuestHealth = true,
            Marks = new MarkLimits { Style = MarkStyle.KeyValue, MaxLength = 63 },
        },
    };

    private static KindDescriptor Kind(ResourceKind kind, int seconds, ImmutableArray<string> updatable) => new()
    {
        Kind = kind,
        // Names are ours and the platform gives each out once; requestId comes on top of it.
        CreateClass = CreateClass.Named,
        ConsistencyWindow = Window,
        ListQuality = ListQuality.ServerSide,
        ListingCarriesFacts = true,
        ListingCarriesRevision = true,
        UpdatablePaths = updatable,
        TypicalCreate = TimeSpan.FromSeconds(seconds),
        CreateDeadline = TimeSpan.FromMinutes(15),
    };
}
