using System.Text.Json.Serialization;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Compute;

/// <summary>Exactly one of <see cref="Sandbox"/> and <see cref="VirtualMachine"/> is set.</summary>
public sealed class InstanceRuntime : KubeData
{
    public InstanceResources Resources { get; set; } = new();
    public SandboxRuntime? Sandbox { get; set; }
    public VirtualMachineRuntime? VirtualMachine { get; set; }
    /// <summary>The name of a runtime class on planes that have them.</summary>
    public string? Class { get; set; }
}

public sealed class InstanceResources : KubeData
{
    public string InstanceType { get; set; } = "";
    /// <summary>Quantities by resource name.</summary>
    public Dictionary<string, IntOrString>? Requests { get; set; }
}

/// <summary>Containers that share one network namespace.</summary>
public sealed class SandboxRuntime : KubeData
{
    public List<SandboxContainer> Containers { get; set; } = [];
    public List<ImagePullSecret>? ImagePullSecrets { get; set; }
}

public sealed class ImagePullSecret : KubeData
{
    public string Name { get; set; } = "";
}

public sealed class VirtualMachineRuntime : KubeData
{
    /// <summary>The first one is the boot volume.</summary>
    public List<VolumeAttachment> VolumeAttachments { get; set; } = [];
    public List<NamedPort>? Ports { get; set; }
}

public sealed class SandboxContainer : KubeData
{
    public string Name { get; set; } = "";
    public string Image { get; set; } = "";
    /// <summary>In place of the image's entry point.</summary>
    public List<string>? Command { get; set; }
    public List<string>? Args { get; set; }
    public List<EnvironmentVariable>? Env { get; set; }
    public List<EnvironmentSource>? EnvFrom { get; set; }
    public ContainerResources? Resources { get; set; }
    public List<VolumeAttachment>? VolumeAttachments { get; set; }
    public List<NamedPort>? Ports { get; set; }
}

/// <summary>Quantities by resource name.</summary>
public sealed class ContainerResources : KubeData
{
    public Dictionary<string, IntOrString>? Limits { get; set; }
    public Dictionary<string, IntOrString>? Requests { get; set; }
}

public sealed class VolumeAttachment : KubeData
{
    public string Name { get; set; } = "";
    /// <summary>Null attaches a disk without mounting it.</summary>
    public string? MountPath { get; set; }
}

public sealed class NamedPort : KubeData
{
    public string Name { get; set; } = "";
    /// <summary>1 to 65535.</summary>
    public int Port { get; set; }
    /// <summary>TCP where it is absent.</summary>
    public string? Protocol { get; set; }
}

public sealed class EnvironmentVariable : KubeData
{
    public string Name { get; set; } = "";
    public string? Value { get; set; }
    public EnvironmentValueSource? ValueFrom { get; set; }
}

/// <summary>Exactly one member is set.</summary>
public sealed class EnvironmentValueSource : KubeData
{
    public KeyReference? ConfigMapKeyRef { get; set; }
    public KeyReference? SecretKeyRef { get; set; }
    public FieldReference? FieldRef { get; set; }
    public ResourceFieldReference? ResourceFieldRef { get; set; }
}

/// <summary>One key of a ConfigMap or Secret.</summary>
public sealed class KeyReference : KubeData
{
    public string Name { get; set; } = "";
    public string Key { get; set; } = "";
    public bool? Optional { get; set; }
}

/// <summary>A field of the instance itself.</summary>
public sealed class FieldReference : KubeData
{
    [JsonPropertyName("apiVersion")]
    public string? ApiVersion { get; set; }
    public string FieldPath { get; set; } = "";
}

public sealed class ResourceFieldReference : KubeData
{
    public string? ContainerName { get; set; }
    public string Resource { get; set; } = "";
    public IntOrString? Divisor { get; set; }
}

/// <summary>All keys of a ConfigMap or Secret as variables.</summary>
public sealed class EnvironmentSource : KubeData
{
    public string? Prefix { get; set; }
    public OptionalReference? ConfigMapRef { get; set; }
    public OptionalReference? SecretRef { get; set; }
}

public sealed class OptionalReference : KubeData
{
    public string Name { get; set; } = "";
    public bool? Optional { get; set; }
}
