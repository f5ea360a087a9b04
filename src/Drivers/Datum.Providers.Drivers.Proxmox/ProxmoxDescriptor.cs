namespace Datum.Providers.Drivers.Proxmox;

/// <summary>What the driver promises.</summary>
internal static class ProxmoxDescriptor
{
    public const string Version = "0.1.0";
    public const string TokenCredential = "apiToken";
    public const string UserCredential = "username";
    public const string PasswordCredential = "password";
    public const int MaxContainers = 16;
    public const int MaxInterfaces = 8;
    public const int MaxDataDisks = 14;

    /// <summary>What stands on the seed medium. The medium itself has no such limit; cloud-init keeps it all in memory.</summary>
    public const int MaxUserData = 1024 * 1024;

    /// <summary>What the guest agent takes in one file: 61440 characters of base64.</summary>
    public const int MaxSecrets = 61440 / 4 * 3;

    /// <summary>Names and tags follow a clone with a delay.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    public static DriverDescriptor Describe() => new()
    {
        Id = "proxmox",
        Version = Version,
        LocationKey = "proxmox",
        LocationSchema = ProxmoxLocation.Schema,
        SettingsSchema = ProxmoxSettings.Schema,
        CredentialKeys =
        [
            new() { Key = TokenCredential, Description = "An API token: user@realm!name=secret." },
            new() { Key = UserCredential, Description = "A user as user@realm, where no API token is given." },
            new() { Key = PasswordCredential, Description = "The user's password." },
        ],
        SessionScope = ["cluster"],
        // A network holds its ranges: the platform's own subnets have no place for a mark.
        RangeOrder = RangeOrder.RangeFirst,
        // Not ConsoleLog: a serial console can be entered, and nothing of it is kept. Not Usage: the cluster's list doesn't say when it was measured.
        Abilities = [Ability.Power, Ability.ImageCatalog],
        Kinds =
        [
            Kind(ResourceKind.Network, 10, ["ranges", "mtu"]) with { SharingScope = ["cluster", "zone", "bridge", "vlan"] },
            Kind(ResourceKind.Firewall, 5, ["ingress"]),
            Kind(ResourceKind.Disk, 10, ["sizeGiB"]),
            Kind(ResourceKind.Instance, 60, ["interfaces.firewalls", "suspended", "restartedAt"]) with
            {
                // A full clone copies the template's disk.
                CreateDeadline = TimeSpan.FromMinutes(30),
            },
        ],
        Capabilities = new Capabilities
        {
            Subnets = SubnetSupport.InNetwork,
            Firewall = FirewallScope.Separate,
            IpFamilies = IpFamilySupport.Any,
            ChoosesAddress = true,
            MaxContainers = MaxContainers,
            VirtualMachines = true,
            MaxDataDisks = MaxDataDisks,
            MaxInterfaces = MaxInterfaces,
            MaxUserDataBytes = MaxUserData,
            UserDataForms = [UserDataForm.CloudInit],
            Secrets = SecretRoute.GuestChannel,
            GuestHealth = true,
            Marks = new MarkLimits { Style = MarkStyle.Tags, MaxLength = 100 },
        },
    };

    private static KindDescriptor Kind(ResourceKind kind, int seconds, ImmutableArray<string> updatable) => new()
    {
        Kind = kind,
        // Names and numbers are ours and the platform gives each out once.
        CreateClass = CreateClass.Named,
        ConsistencyWindow = Window,
        ListQuality = ListQuality.ClientSide,
        // Lists show that things are there, and little of what they are: ranges, rules, sizes and configurations are read one by one.
        ListingCarriesFacts = false,
        ListingCarriesRevision = false,
        UpdatablePaths = updatable,
        TypicalCreate = TimeSpan.FromSeconds(seconds),
        CreateDeadline = TimeSpan.FromMinutes(10),
    };
}
