using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Compute;

/// <summary>Exactly one source is set.</summary>
public sealed class InstanceVolume : KubeData
{
    public string Name { get; set; } = "";
    public DiskVolume? Disk { get; set; }
    public ConfigMapVolume? ConfigMap { get; set; }
    public SecretVolume? Secret { get; set; }
}

public sealed class DiskVolume : KubeData
{
    /// <summary>The name under /dev/disk/by-id, behind <c>datumcloud-</c>.</summary>
    public string? DeviceName { get; set; }
    public DiskTemplate Template { get; set; } = new();
}

public sealed class DiskTemplate : KubeData
{
    public TemplateMetadata? Metadata { get; set; }
    public DiskSpec Spec { get; set; } = new();
}

public sealed class DiskSpec : KubeData
{
    /// <summary>pd-standard where the schema applies its default.</summary>
    public string? Type { get; set; }
    public DiskResources? Resources { get; set; }
    public DiskPopulator? Populator { get; set; }
}

public sealed class DiskResources : KubeData
{
    /// <summary>Quantities by resource name; <c>storage</c> is the size.</summary>
    public Dictionary<string, IntOrString>? Requests { get; set; }
}

/// <summary>What the disk holds at first. At most one member is set.</summary>
public sealed class DiskPopulator : KubeData
{
    public ImagePopulator? Image { get; set; }
    public FilesystemPopulator? Filesystem { get; set; }
}

public sealed class ImagePopulator : KubeData
{
    public string Name { get; set; } = "";
}

public sealed class FilesystemPopulator : KubeData
{
    /// <summary>ext4.</summary>
    public string Type { get; set; } = "";
}

public sealed class ConfigMapVolume : KubeData
{
    public string Name { get; set; } = "";
    /// <summary>Mode bits of files, e.g. 420 for 0644.</summary>
    public int? DefaultMode { get; set; }
    public List<KeyToPath>? Items { get; set; }
    public bool? Optional { get; set; }
}

public sealed class SecretVolume : KubeData
{
    public string? SecretName { get; set; }
    /// <summary>Mode bits of files, e.g. 420 for 0644.</summary>
    public int? DefaultMode { get; set; }
    public List<KeyToPath>? Items { get; set; }
    public bool? Optional { get; set; }
}

/// <summary>Puts one key at a relative path.</summary>
public sealed class KeyToPath : KubeData
{
    public string Key { get; set; } = "";
    public string Path { get; set; } = "";
    public int? Mode { get; set; }
}
