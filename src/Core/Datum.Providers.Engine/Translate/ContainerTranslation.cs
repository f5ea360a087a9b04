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
            Containers = [.. sandbox.Containers.Select(c => Container(c, $"spec.runtime.sandbox.containers[{c.Name}]", capabilities, findings))],
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
        Limits = Limits(container.Resources, path, findings),
    };

    private static IEnumerable<EnvironmentVariable> Environment(Compute.SandboxContainer container, string path, Capabilities capabilities, List<Finding> findings)
    {
        foreach (var all in container.EnvFrom ?? [])
            if (Payload(all.ConfigMapRef?.Name, all.SecretRef?.Name, all.ConfigMapRef?.Optional ?? all.SecretRef?.Optional, $"{path}.envFrom", capabilities, findings) is { } payload)
                yield return new EnvironmentVariable { Name = all.Prefix ?? "", AllOf = payload };

        foreach (var variable in container.Env ?? [])
        {
            var at = $"{path}.env[{variable.Name}].valueFrom";
            if (variable.ValueFrom is not { } from)
            {
                yield return new EnvironmentVariable { Name = variable.Name, Value = variable.Value ?? "" };
                continue;
            }
            var key = from.ConfigMapKeyRef ?? from.SecretKeyRef;
            if (key is null)
            {
                findings.Add(new Finding { Path = at, Message = "Only configMapKeyRef and secretKeyRef are supported.", Capability = "env.valueFrom" });
                continue;
            }
            if (Payload(from.ConfigMapKeyRef?.Name, from.SecretKeyRef?.Name, key.Optional, at, capabilities, findings) is { } payload)
                yield return new EnvironmentVariable { Name = variable.Name, From = new PayloadKey { Payload = payload, Key = key.Key, Optional = key.Optional == true } };
        }
    }

    private static PayloadReference? Payload(string? configMap, string? secret, bool? optional, string path, Capabilities capabilities, List<Finding> findings)
    {
        if (configMap is null == secret is null)
        {
            findings.Add(new Finding { Path = path, Message = "Exactly one of a config map and a secret must be named." });
            return null;
        }
        if (secret is not null && capabilities.Secrets is SecretRoute.None)
        {
            findings.Add(new Finding { Path = path, Message = "The platform of this Location has no route for secrets.", Capability = "secrets" });
            return null;
        }
        return new PayloadReference { Name = (configMap ?? secret)!, Secret = secret is not null, Optional = optional == true };
    }

    private static ContainerLimits? Limits(Compute.ContainerResources? resources, string path, List<Finding> findings)
    {
        if (resources?.Requests is { Count: > 0 })
            findings.Add(new Finding { Path = $"{path}.resources.requests", Message = "Requests are not supported; set limits." });
        if (resources?.Limits is not { Count: > 0 } limits)
            return null;
        int? cpu = null, memory = null;
        foreach (var (name, value) in limits)
        {
            if (!Quantity.TryParse(value, out var quantity, out var error))
                findings.Add(new Finding { Path = $"{path}.resources.limits.{name}", Message = error });
            else if (name == "cpu")
                cpu = (int)quantity.ToMilli();
            else if (name == "memory")
                memory = (int)((quantity.ToInt64() + Quantity.MiB - 1) / Quantity.MiB);
            else
                findings.Add(new Finding { Path = $"{path}.resources.limits.{name}", Message = "Only cpu and memory are known." });
        }
        return new ContainerLimits { CpuMillis = cpu, MemoryMiB = memory };
    }
}
