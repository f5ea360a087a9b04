namespace Datum.Providers.Sdk;

/// <summary>
/// What makes a booted image into the wished instance: user data, and the secrets beside it. Made by <see cref="Render"/>, a pure function:
/// equal input gives equal bytes.
/// </summary>
public sealed record GuestBootstrap
{
    /// <summary>
    /// Fields of <see cref="InstanceSpec"/> that the platform realises and the bootstrap doesn't read; the driver answers for them (law L11).
    /// Every other field changes what is rendered, or is refused. <see cref="InstanceSpec.Suspended"/> is a power state and
    /// <see cref="InstanceSpec.RestartedAt"/> a reboot: neither is a reason for a replacement.
    /// </summary>
    public static ImmutableArray<string> PlatformFields { get; } =
    [
        "locationJson", "labels", "suspended", "restartedAt",
        "size.instanceType", "size.cpuMillis", "size.memoryMiB", "size.native",
        "volumes[].disk.disk", "volumes[].disk.image", "volumes[].disk.sizeGiB", "volumes[].disk.type",
        "interfaces[].network", "interfaces[].subnets", "interfaces[].ranges", "interfaces[].addresses", "interfaces[].firewalls",
    ];

    /// <summary>What the platform's API takes as user data, encoded as the options say. Empty when there are findings that refuse.</summary>
    public required ReadOnlyMemory<byte> UserData { get; init; }

    /// <summary>The form of <see cref="UserData"/>.</summary>
    public required UserDataForm Form { get; init; }

    /// <summary>
    /// The secrets document: a tar archive that the driver brings into the guest by the route of its options, and that the guest's units wait
    /// for. Null when there is nothing secret, or when secrets are in the user data. Never log it (law L12).
    /// </summary>
    public ReadOnlyMemory<byte>? Secrets { get; init; }

    /// <summary>Changes when the instance must be replaced; the same as <see cref="HashOf"/>.</summary>
    public required string ReplacementHash { get; init; }

    /// <summary>Bytes of <see cref="UserData"/>, also where it was refused as too large; 0 where something else was refused.</summary>
    public required int Size { get; init; }

    /// <summary>What can't be honoured. Nothing may be created while one of them isn't tolerated.</summary>
    public ImmutableArray<Finding> Findings { get => field.IsDefault ? [] : field; init; }

    /// <summary>True when the instance may be created with this.</summary>
    public bool Usable => Findings.All(f => f.Tolerated);

    /// <summary>Renders an instance. It never throws for what a user wrote: that becomes a finding.</summary>
    public static GuestBootstrap Render(InstanceSpec spec, GuestPayloads payloads, GuestOptions options)
    {
        var hash = HashOf(spec, options);
        var plan = new GuestPlan(spec, payloads, options, hash);
        GuestBase.Add(plan);
        GuestFirewall.Add(plan);
        GuestFiles.Add(plan);
        GuestDisks.Add(plan);
        GuestContainers.Add(plan);
        GuestBeaconUnit.Add(plan);
        var secrets = GuestSecrets.Add(plan);

        byte[] data = [];
        // What was refused may be no text at all, which neither form can hold.
        if (plan.Findings.Count == 0)
        {
            data = UserDataEncoding.Encode(options.Form switch
            {
                UserDataForm.CloudInit => CloudConfig.Write(plan),
                UserDataForm.Ignition => IgnitionConfig.Write(plan),
                _ => throw new ArgumentOutOfRangeException(nameof(options), options.Form, "No such form."),
            }, options);
            UserDataEncoding.CheckSize(plan, data.Length);
        }
        var usable = plan.Findings.Count == 0;
        return new GuestBootstrap
        {
            UserData = usable ? data : ReadOnlyMemory<byte>.Empty,
            Form = options.Form,
            Secrets = usable ? secrets : default(ReadOnlyMemory<byte>?),
            ReplacementHash = hash,
            Size = data.Length,
            Findings = [.. plan.Findings],
        };
    }

    /// <summary>
    /// 64 lower-case hex digits over everything that only a new guest can honour: the spec without <see cref="PlatformFields"/>, and the keyed
    /// hashes of the payloads (never their contents). The SDK's version is no part of it, so an update of the driver replaces nothing.
    /// </summary>
    public static string HashOf(InstanceSpec spec, GuestOptions options) => GuestHash.Of(spec, options.Firewall == FirewallScope.Guest);
}
