namespace Datum.Providers.Sdk;

/// <summary>What a platform and a driver's configuration let the bootstrap do.</summary>
public sealed record GuestOptions
{
    /// <summary>What the guest reads.</summary>
    public required UserDataForm Form { get; init; }

    /// <summary>Bytes of user data after encoding at most; 0 when the platform has none.</summary>
    public required int MaxUserDataBytes { get; init; }

    /// <summary>Whether the platform and the guest take gzip. Default false. cloud-init unpacks it by itself; Ignition doesn't.</summary>
    public bool Gzip { get; init; }

    /// <summary>Whether the platform's API wants base64, which then counts for the size. Default false.</summary>
    public bool Base64 { get; init; }

    /// <summary>How secrets get into the guest. Default <see cref="SecretRoute.None"/>: an instance with secrets is refused.</summary>
    public SecretRoute Secrets { get; init; }

    /// <summary>The ProviderConfig's <see cref="Connection.AllowSecretsInUserData"/>; without it <see cref="SecretRoute.UserData"/> refuses secrets.</summary>
    public bool AllowSecretsInUserData { get; init; }

    /// <summary><see cref="SecretRoute.GuestChannel"/>: the file in the guest that the driver writes <see cref="GuestBootstrap.Secrets"/> to.</summary>
    public string SecretsPath { get; init; } = "/run/datum-secrets.tar";

    /// <summary><see cref="SecretRoute.SeedMedium"/>: the volume label of the medium that holds the document as <c>secrets.tar</c>.</summary>
    public string SecretsLabel { get; init; } = "DATUMSECRET";

    /// <summary><see cref="SecretRoute.Store"/>: program and arguments that print the document in the guest, with the instance's own identity.</summary>
    public ImmutableArray<string> SecretsCommand { get => field.IsDefault ? [] : field; init; }

    /// <summary>Where ingress rules are enforced; only with <see cref="FirewallScope.Guest"/> they are rendered.</summary>
    public FirewallScope Firewall { get; init; } = FirewallScope.None;

    /// <summary>Interface name in the spec to device in the guest (<c>eth0</c> to <c>ens3</c>); needed only where interfaces have different rules.</summary>
    public ImmutableDictionary<string, string> InterfaceDevices { get => field ?? ImmutableDictionary<string, string>.Empty; init; }

    /// <summary>
    /// Device name in the spec to the serial that the guest sees (udev's ID_SERIAL, ID_SERIAL_SHORT or ID_SCSI_SERIAL); a missing one is
    /// the device name itself. virtio-blk cuts serials at 20 characters.
    /// </summary>
    public ImmutableDictionary<string, string> DiskSerials { get => field ?? ImmutableDictionary<string, string>.Empty; init; }

    /// <summary>How the guest reports the health of containers and disks; null for not at all.</summary>
    public GuestBeacon? Beacon { get; init; }

    /// <summary>Distribution packages to install at first boot where the image lacks them (podman, nftables); cloud-init only.</summary>
    public ImmutableArray<string> Packages { get => field.IsDefault ? [] : field; init; }

    /// <summary>Whether users of SSH keys may become root without a password. Default true, as cloud images do.</summary>
    public bool UsersMaySudo { get; init; } = true;

    /// <summary>The options that a platform's capabilities and a connection imply; the rest by <c>with</c>.</summary>
    public static GuestOptions For(Capabilities capabilities, UserDataForm form, bool allowSecretsInUserData) => new()
    {
        Form = form,
        MaxUserDataBytes = capabilities.MaxUserDataBytes,
        Gzip = capabilities.UserDataGzip && form == UserDataForm.CloudInit,
        Secrets = capabilities.Secrets,
        AllowSecretsInUserData = allowSecretsInUserData,
        Firewall = capabilities.Firewall,
    };
}

/// <summary>How the beacon's report leaves the guest.</summary>
public enum BeaconRoute
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>POST to the URL in <see cref="GuestBeacon.Target"/> with <c>Authorization: Bearer</c>; the image needs curl.</summary>
    Http = 1,

    /// <summary>A line <c>DATUM-BEACON {...}</c> to the character device in <see cref="GuestBeacon.Target"/>: a serial console or a virtio port.</summary>
    Line = 2,

    /// <summary>The file in <see cref="GuestBeacon.Target"/>, replaced as a whole, for a guest agent to read.</summary>
    File = 3,

    /// <summary>The variable in <see cref="GuestBeacon.Target"/> (<c>guestinfo.NAME</c>), by VMware Tools (<c>vmware-rpctool</c>).</summary>
    GuestInfo = 4,
}

/// <summary>The readiness beacon: a timer in the guest that reports as JSON whether containers run and listen. It holds no secret.</summary>
public sealed record GuestBeacon
{
    /// <summary>How the report leaves the guest.</summary>
    public required BeaconRoute Route { get; init; }

    /// <summary>URL, device, file or variable.</summary>
    public required string Target { get; init; }

    /// <summary>Seconds between two reports. Default 10.</summary>
    public int IntervalSeconds { get; init; } = 10;

    /// <summary>For <see cref="BeaconRoute.Http"/>, required there: a token of this instance alone. It goes the way of the secrets.</summary>
    public string? Token { get; init; }

    /// <summary>Without the token (law L12).</summary>
    public override string ToString() => $"{Route} {Target}";
}
