namespace Datum.Providers;

/// <summary>A machine, pod or job. Exactly one of <see cref="Sandbox"/> and <see cref="Machine"/> is set.</summary>
public sealed record InstanceSpec : ResourceSpec
{
    /// <summary>Host name in the guest: a DNS label.</summary>
    public required string Hostname { get; init; }

    /// <summary>How big.</summary>
    public required InstanceSize Size { get; init; }

    /// <summary>Containers that share network and life.</summary>
    public SandboxSpec? Sandbox { get; init; }

    /// <summary>A machine with a boot image.</summary>
    public MachineSpec? Machine { get; init; }

    /// <summary>At least one; the first is the primary.</summary>
    public required ImmutableArray<InterfaceSpec> Interfaces { get; init; }

    /// <summary>Everything that containers or the machine mount.</summary>
    public ImmutableArray<VolumeSpec> Volumes { get => field.IsDefault ? [] : field; init; }

    /// <summary>What it takes to stop before it is killed. Seconds; null for 30.</summary>
    public int? TerminationGraceSeconds { get; init; }

    /// <summary>True when it shall be stopped but kept. Default false.</summary>
    public bool Suspended { get; init; }

    /// <summary>Changes when somebody asked for a restart; null when nobody has.</summary>
    public string? RestartedAt { get; init; }
}

/// <summary>A size that the host resolved from the instance type. Never rounded down.</summary>
public sealed record InstanceSize
{
    /// <summary>The Datum name, e.g. <c>datumcloud/d1-standard-2</c>.</summary>
    public required string InstanceType { get; init; }

    /// <summary>Thousandths of a processor.</summary>
    public required int CpuMillis { get; init; }

    /// <summary>Mebibytes.</summary>
    public required int MemoryMiB { get; init; }

    /// <summary>The platform's own name from the ProviderConfig; null when the driver chooses.</summary>
    public string? Native { get; init; }
}

/// <summary>Containers that share network and life.</summary>
public sealed record SandboxSpec
{
    /// <summary>At least one.</summary>
    public required ImmutableArray<ContainerSpec> Containers { get; init; }

    /// <summary>Secrets of type dockerconfigjson for private registries.</summary>
    public ImmutableArray<PayloadReference> PullSecrets { get => field.IsDefault ? [] : field; init; }
}

/// <summary>One container.</summary>
public sealed record ContainerSpec
{
    /// <summary>A DNS label, unique in the sandbox.</summary>
    public required string Name { get; init; }

    /// <summary>Image reference as the user wrote it.</summary>
    public required string Image { get; init; }

    /// <summary>Overrides the image's entry point; empty keeps it.</summary>
    public ImmutableArray<string> Command { get => field.IsDefault ? [] : field; init; }

    /// <summary>Overrides the image's arguments; empty keeps them.</summary>
    public ImmutableArray<string> Args { get => field.IsDefault ? [] : field; init; }

    /// <summary>Environment in order.</summary>
    public ImmutableArray<EnvironmentVariable> Environment { get => field.IsDefault ? [] : field; init; }

    /// <summary>Ports that it listens on.</summary>
    public ImmutableArray<PortSpec> Ports { get => field.IsDefault ? [] : field; init; }

    /// <summary>Where volumes appear.</summary>
    public ImmutableArray<MountSpec> Mounts { get => field.IsDefault ? [] : field; init; }

    /// <summary>Limits of this container within the instance; null for none.</summary>
    public ContainerLimits? Limits { get; init; }
}

/// <summary>Limits of one container.</summary>
public sealed record ContainerLimits
{
    /// <summary>Thousandths of a processor; null for none.</summary>
    public int? CpuMillis { get; init; }

    /// <summary>Mebibytes; null for none.</summary>
    public int? MemoryMiB { get; init; }
}

/// <summary>One variable, or (with <see cref="AllOf"/>) every key of a payload.</summary>
public sealed record EnvironmentVariable
{
    /// <summary>The name; with <see cref="AllOf"/> the prefix of all names.</summary>
    public required string Name { get; init; }

    /// <summary>A literal value.</summary>
    public string? Value { get; init; }

    /// <summary>One key of a payload.</summary>
    public PayloadKey? From { get; init; }

    /// <summary>Every key of a payload.</summary>
    public PayloadReference? AllOf { get; init; }
}

/// <summary>One key of a payload.</summary>
public sealed record PayloadKey
{
    /// <summary>The payload.</summary>
    public required PayloadReference Payload { get; init; }

    /// <summary>The key.</summary>
    public required string Key { get; init; }

    /// <summary>True when the key's absence is fine. Default false.</summary>
    public bool Optional { get; init; }
}

/// <summary>A port that something listens on.</summary>
public sealed record PortSpec
{
    /// <summary>An IANA service name.</summary>
    public required string Name { get; init; }

    /// <summary>1 to 65535.</summary>
    public required int Port { get; init; }

    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>.</summary>
    public required string Protocol { get; init; }
}

/// <summary>Where a volume appears in a container.</summary>
public sealed record MountSpec
{
    /// <summary>A name in <see cref="InstanceSpec.Volumes"/>.</summary>
    public required string Volume { get; init; }

    /// <summary>Absolute path; null when the container only gets the device.</summary>
    public string? Path { get; init; }

    /// <summary>Default false.</summary>
    public bool ReadOnly { get; init; }
}

/// <summary>A volume: exactly one of <see cref="Disk"/> and <see cref="Files"/> is set.</summary>
public sealed record VolumeSpec
{
    /// <summary>A DNS label, unique in the instance.</summary>
    public required string Name { get; init; }

    /// <summary>A disk.</summary>
    public DiskVolume? Disk { get; init; }

    /// <summary>Files from a payload.</summary>
    public FilesVolume? Files { get; init; }
}

/// <summary>A disk of an instance: a boot disk with <see cref="Image"/>, or a data disk with <see cref="Disk"/>.</summary>
public sealed record DiskVolume
{
    /// <summary>The data disk's entry; null for the boot disk, which lives and dies with the instance.</summary>
    public Reference? Disk { get; init; }

    /// <summary>The boot image's Datum name.</summary>
    public string? Image { get; init; }

    /// <summary>Whole GiB of the boot disk.</summary>
    public int? SizeGiB { get; init; }

    /// <summary>The Datum disk type of the boot disk.</summary>
    public string? Type { get; init; }

    /// <summary>Appears as <c>/dev/disk/by-id/datumcloud-NAME</c>.</summary>
    public required string DeviceName { get; init; }

    /// <summary>The filesystem on it; null for none.</summary>
    public string? Filesystem { get; init; }
}

/// <summary>Files from a config map or secret.</summary>
public sealed record FilesVolume
{
    /// <summary>The payload.</summary>
    public required PayloadReference Payload { get; init; }

    /// <summary>File mode bits; null for 0644.</summary>
    public int? Mode { get; init; }

    /// <summary>Chosen keys and their paths; empty for all keys under their own names.</summary>
    public ImmutableArray<FileItem> Items { get => field.IsDefault ? [] : field; init; }
}

/// <summary>One key as a file.</summary>
public sealed record FileItem
{
    /// <summary>The key.</summary>
    public required string Key { get; init; }

    /// <summary>Relative path, no <c>..</c>.</summary>
    public required string Path { get; init; }

    /// <summary>File mode bits; null for the volume's.</summary>
    public int? Mode { get; init; }
}

/// <summary>A machine with a boot image.</summary>
public sealed record MachineSpec
{
    /// <summary>The name in <see cref="InstanceSpec.Volumes"/> of the boot disk.</summary>
    public required string BootVolume { get; init; }

    /// <summary><c>user:public-key</c>, one each.</summary>
    public ImmutableArray<string> SshKeys { get => field.IsDefault ? [] : field; init; }

    /// <summary>Ports that it listens on.</summary>
    public ImmutableArray<PortSpec> Ports { get => field.IsDefault ? [] : field; init; }

    /// <summary>Data disks and files in the order of attachment, without the boot disk.</summary>
    public ImmutableArray<MountSpec> Mounts { get => field.IsDefault ? [] : field; init; }
}

/// <summary>One network interface.</summary>
public sealed record InterfaceSpec
{
    /// <summary>Stable name, e.g. <c>eth0</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The network; null on platforms that have none (jobs, rented GPUs, components on a device).</summary>
    public Reference? Network { get; init; }

    /// <summary>The subnets, where the platform has them.</summary>
    public ImmutableArray<Reference> Subnets { get => field.IsDefault ? [] : field; init; }

    /// <summary>The prefixes that addresses come from, one a family at most.</summary>
    public ImmutableArray<string> Ranges { get => field.IsDefault ? [] : field; init; }

    /// <summary>Addresses that the host chose; empty when the platform shall.</summary>
    public ImmutableArray<string> Addresses { get => field.IsDefault ? [] : field; init; }

    /// <summary>Rules at instance or guest scope; null when no policy applies (then nothing is filtered), empty when everything is denied.</summary>
    public ImmutableArray<IngressRule>? Ingress { get; init; }

    /// <summary>Firewalls, where they are objects of their own.</summary>
    public ImmutableArray<Reference> Firewalls { get => field.IsDefault ? [] : field; init; }
}
