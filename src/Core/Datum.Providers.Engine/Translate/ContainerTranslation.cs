using Datum.Providers.Resources;
using Compute = Datum.Providers.Resources.Compute;

namespace Datum.Providers.Engine.Translate;

/// <summary>Containers of a sandbox.</summary>
internal static class ContainerTranslation
{
    public static SandboxSpec? Sandbox(Compute.SandboxRuntime sandbox, Capabilities capabilities, List<Finding> findings)
    {
        if (capabilities.MaxContainers == 0)
        {
            findings.Add(new Finding { Path = "spec.runtime.sandbox", Message = "The platform of this Location runs no sandboxes; use a virtual machine or another Location.", Capability = "sandbox" });
            return null;
        }
        if (sandbox.Containers.Count > capabilities.MaxContainers)
            findings.Add(new Finding
            {
                Path = "spec.runtime.sandbox.containers", Capability = "maxContainers",
                Message = $"{sandbox.Containers.Count} containers are asked for; the platform takes {capabilities.MaxContainers}.",
            });
        if (sandbox.ImagePullSecrets is { Count: > 0 } && capabilities.Secrets is SecretRoute.None)
            findings.Add(new Finding { Path = "spec.runtime.sandbox.imagePullSecrets", Message = "The platform of this Location has no route for secrets.", Capability = "secrets" });
        return new SandboxSpec
        {
            Containers = [.. sandbox.Containers.Select((c, i) => Container(c, $"spec.runtime.sandbox.containers[{i}]", capabilities, findings))],
            PullSecrets = [.. (sandbox.ImagePullSecrets ?? []).Select(s => new PayloadReference { Name = s.Name, Secret = true })],
        };
    }

    private static ContainerSpec Container(Compute.SandboxContainer container, string path, Capabilities capabilities, List<Finding> findings) => new()
    {
        Name = container.Name,
        Image = container.Image,
        Command = [.. container.Command ?? []],
        Args = [.. container.Args ?? []],
        Environment = [.. Environment(container, path, capabilities, findings)],
        Ports = [.. (container.Ports ?? []).Select(InstanceTranslation.Port)],
        Mounts = [.. (container.VolumeAttachments ?? []).Select(a => new MountSpec { Volume = a.Name, Path = a.MountPath })],
        Limits = Limits(container.Resources),
    };

    private static IEnumerable<EnvironmentVariable> Environment(Compute.SandboxContainer container, string path, Capabilities capabilities, List<Finding> findings)
    {
        // What is broken was found with the instance's own rules, and is left out here.
        foreach (var (all, i) in (container.EnvFrom ?? []).Select((e, i) => (e, i)))
            if (Payload(all.ConfigMapRef?.Name, all.SecretRef?.Name, all.ConfigMapRef?.Optional ?? all.SecretRef?.Optional, $"{path}.envFrom[{i}]", capabilities, findings) is { } payload)
                yield return new EnvironmentVariable { Name = all.Prefix ?? "", AllOf = payload };

        foreach (var (variable, i) in (container.Env ?? []).Select((e, i) => (e, i)))
        {
            if (variable.ValueFrom is not { } from)
                yield return new EnvironmentVariable { Name = variable.Name, Value = variable.Value ?? "" };
            else if ((from.ConfigMapKeyRef ?? from.SecretKeyRef) is { } key
                && Payload(from.ConfigMapKeyRef?.Name, from.SecretKeyRef?.Name, key.Optional, $"{path}.env[{i}].valueFrom", capabilities, findings) is { } payload)
                yield return new EnvironmentVariable { Name = variable.Name, From = new PayloadKey { Payload = payload, Key = key.Key, Optional = key.Optional == true } };
        }
    }

    private static PayloadReference? Payload(string? configMap, string? secret, bool? optional, string path, Capabilities capabilities, List<Finding> findings)
    {
        if (configMap is null == secret is null)
            return null;
        if (secret is not null && capabilities.Secrets is SecretRoute.None)
        {
            findings.Add(new Finding { Path = path, Message = "The platform of this Location has no route for secrets.", Capability = "secrets" });
            return null;
        }
        return new PayloadReference { Name = (configMap ?? secret)!, Secret = secret is not null, Optional = optional == true };
    }

    private static ContainerLimits? Limits(Compute.ContainerResources? resources)
    {
        if (resources?.Limits is not { Count: > 0 } limits)
            return null;
        Quantity? Limit(string name) => limits.TryGetValue(name, out var value) && Quantity.TryParse(value, out var quantity, out _) ? quantity : null;
        return new ContainerLimits
        {
            CpuMillis = Limit("cpu") is { } cpu ? (int)cpu.ToMilli() : null,
            MemoryMiB = Limit("memory") is { } memory ? (int)((memory.ToInt64() + Quantity.MiB - 1) / Quantity.MiB) : null,
        };
    }
}
