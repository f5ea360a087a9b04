using System.Globalization;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.Resources.Validation;

/// <summary>Containers, and what they share with virtual machines: ports and attachments.</summary>
internal static class ContainerRules
{
    public static void Check(InstanceSpec spec, SandboxRuntime sandbox, string path, List<Violation> found)
    {
        for (var i = 0; i < sandbox.Containers.Count; i++)
            Container(spec, sandbox.Containers[i], At($"{path}.containers", i), found);
        for (var i = 0; i < (sandbox.ImagePullSecrets?.Count ?? 0); i++)
            if (sandbox.ImagePullSecrets![i].Name.Length == 0)
                found.Add(Rules.PullSecret.At($"{At($"{path}.imagePullSecrets", i)}.name", "The name of a Secret is needed; it is empty."));
    }

    public static void Ports(List<NamedPort>? ports, string path, List<Violation> found)
    {
        for (var i = 0; i < (ports?.Count ?? 0); i++)
        {
            var (port, at) = (ports![i], At($"{path}.ports", i));
            if (!NameForms.IsServiceName(port.Name))
                found.Add(Rules.PortName.At($"{at}.name", $"'{port.Name}' is no service name (1 to 15 of a-z, 0-9 and single '-', with a letter, no '-' at the ends)."));
            if (port.Port is < 1 or > 65535)
                found.Add(Rules.PortNumber.At($"{at}.port", $"{port.Port} is no port number (1 to 65535)."));
            if (port.Protocol is not (null or "TCP" or "UDP" or "SCTP"))
                found.Add(Rules.PortProtocol.At($"{at}.protocol", $"'{port.Protocol}' is none of TCP, UDP, SCTP."));
        }
    }

    public static void Attachments(InstanceSpec spec, List<VolumeAttachment>? attachments, string path, List<Violation> found)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < (attachments?.Count ?? 0); i++)
        {
            var (attachment, at) = (attachments![i], At($"{path}.volumeAttachments", i));
            var volume = spec.Volumes?.Find(v => v.Name == attachment.Name);
            if (volume is null)
                found.Add(Rules.AttachmentVolume.At($"{at}.name", $"There is no volume '{attachment.Name}'; {Known(spec)}."));
            if (attachment.MountPath is not { } mount)
                continue;
            if (!mount.StartsWith('/') || mount.Split('/').Contains(".."))
                found.Add(Rules.AttachmentPath.At($"{at}.mountPath", $"'{mount}' must be an absolute path without '..'."));
            else if (!paths.Add(mount.Length > 1 ? mount.TrimEnd('/') : mount))
                found.Add(Rules.AttachmentPath.At($"{at}.mountPath", $"'{mount}' is the place of another attachment already; give each its own."));
            if (volume?.Disk is { } disk && disk.Template.Spec.Populator is null)
                found.Add(Rules.AttachmentFilesystem.At($"{at}.mountPath", $"Disk '{attachment.Name}' has no filesystem; set its populator, or leave mountPath out to attach it as a device."));
        }
    }

    internal static string At(string path, int index) => string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]");

    private static string Known(InstanceSpec spec) =>
        spec.Volumes is { Count: > 0 } volumes ? $"there are {string.Join(", ", volumes.Select(v => v.Name).Take(10))}" : "spec.volumes is empty";

    private static void Container(InstanceSpec spec, SandboxContainer container, string path, List<Violation> found)
    {
        if (!NameForms.IsDnsLabel(container.Name))
            found.Add(Rules.ContainerName.At($"{path}.name", $"'{container.Name}' is no DNS label (1 to 63 of a-z, 0-9 and '-', no '-' at the ends)."));
        if (container.Image.Length == 0)
            found.Add(Rules.ContainerImage.At($"{path}.image", "An image is needed; it is empty."));
        Environment(container, path, found);
        Resources(container.Resources, $"{path}.resources", found);
        Attachments(spec, container.VolumeAttachments, path, found);
        Ports(container.Ports, path, found);
    }

    private static void Environment(SandboxContainer container, string path, List<Violation> found)
    {
        for (var i = 0; i < (container.Env?.Count ?? 0); i++)
        {
            if (container.Env![i].ValueFrom is not { } from)
                continue;
            var at = $"{At($"{path}.env", i)}.valueFrom";
            if (from.FieldRef is not null || from.ResourceFieldRef is not null)
                found.Add(Rules.EnvValueFrom.At(at, "Only configMapKeyRef and secretKeyRef are supported.", "env.valueFrom"));
            else if (from.ConfigMapKeyRef is null == from.SecretKeyRef is null)
                found.Add(Rules.EnvValueFrom.At(at, "Exactly one of configMapKeyRef and secretKeyRef must be set."));
            else if ((from.ConfigMapKeyRef ?? from.SecretKeyRef)! is var key && (key.Name.Length == 0 || key.Key.Length == 0))
                found.Add(Rules.EnvValueFrom.At(at, "The name and the key of a ConfigMap or Secret are needed; one is empty."));
        }

        for (var i = 0; i < (container.EnvFrom?.Count ?? 0); i++)
        {
            var (source, at) = (container.EnvFrom![i], At($"{path}.envFrom", i));
            if (source.ConfigMapRef is null == source.SecretRef is null)
                found.Add(Rules.EnvFrom.At(at, "Exactly one of a config map and a secret must be named."));
            else if ((source.ConfigMapRef ?? source.SecretRef)!.Name.Length == 0)
                found.Add(Rules.EnvFromName.At($"{at}.{(source.ConfigMapRef is null ? "secretRef" : "configMapRef")}.name", "A name is needed; it is empty."));
            if (source.Prefix is { Length: > 0 } prefix && !NameForms.IsIdentifier(prefix))
                found.Add(Rules.EnvFromName.At($"{at}.prefix", $"'{prefix}' can't begin the name of a variable (letters, digits and '_', first no digit)."));
        }
    }

    private static void Resources(ContainerResources? resources, string path, List<Violation> found)
    {
        if (resources?.Requests is { Count: > 0 })
            found.Add(Rules.ContainerRequests.At($"{path}.requests", "Requests are not supported; set limits."));
        foreach (var (name, value) in resources?.Limits ?? [])
            if (name is not ("cpu" or "memory"))
                found.Add(Rules.ContainerLimits.At($"{path}.limits[{name}]", "Only cpu and memory are known."));
            else if (!Quantity.TryParse(value, out var quantity, out var error))
                found.Add(Rules.ContainerLimits.At($"{path}.limits[{name}]", error));
            else if (quantity.Value <= 0 || quantity.Value * 1000 > int.MaxValue * (name == "cpu" ? 1m : 1000m * Quantity.MiB))
                found.Add(Rules.ContainerLimits.At($"{path}.limits[{name}]", $"{value} must be greater than 0 and less than {(name == "cpu" ? "2000000 CPUs" : "2 PiB")}."));
    }
}
