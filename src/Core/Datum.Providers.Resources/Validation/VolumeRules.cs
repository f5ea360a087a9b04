using Datum.Providers.Resources.Compute;

namespace Datum.Providers.Resources.Validation;

/// <summary>Volumes of an instance.</summary>
internal static class VolumeRules
{
    private const int MaxMode = 511;

    public static void Check(InstanceSpec spec, string path, List<Violation> found)
    {
        var attached = (spec.Runtime.Sandbox?.Containers.SelectMany(c => c.VolumeAttachments ?? []) ?? [])
            .Concat(spec.Runtime.VirtualMachine?.VolumeAttachments ?? []).Select(a => a.Name).ToHashSet(StringComparer.Ordinal);
        var devices = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < (spec.Volumes?.Count ?? 0); i++)
        {
            var (volume, at) = (spec.Volumes![i], ContainerRules.At($"{path}.volumes", i));
            if (!NameForms.IsDnsLabel(volume.Name))
                found.Add(Rules.VolumeName.At($"{at}.name", $"'{volume.Name}' is no DNS label (1 to 63 of a-z, 0-9 and '-', no '-' at the ends)."));
            else if (!attached.Contains(volume.Name))
                found.Add(Rules.VolumeAttached.At($"{at}.name", $"Volume '{volume.Name}' is attached nowhere; name it in volumeAttachments, or remove it."));
            var sources = new object?[] { volume.Disk, volume.ConfigMap, volume.Secret }.Count(s => s is not null);
            if (sources != 1)
                found.Add(Rules.VolumeOne.At(at, $"One of disk, configMap and secret must be set, found {sources}."));
            if (volume.Disk is { } disk)
                Disk(disk, devices, i, $"{at}.disk", found);
            if (volume.ConfigMap is { } map)
                Files(map.Name, "name", map.DefaultMode, map.Items, $"{at}.configMap", found);
            if (volume.Secret is { } secret)
                Files(secret.SecretName, "secretName", secret.DefaultMode, secret.Items, $"{at}.secret", found);
        }
    }

    private static void Disk(DiskVolume disk, HashSet<string> devices, int index, string path, List<Violation> found)
    {
        var device = disk.DeviceName ?? DiskDefaults.DeviceName(index);
        if (!devices.Add(device))
            found.Add(Rules.VolumeDevice.At($"{path}.deviceName", $"'{device}' is the name of another disk; give each its own."));
        var spec = disk.Template.Spec;
        var requests = $"{path}.template.spec.resources.requests";
        foreach (var request in spec.Resources?.Requests?.Keys.Where(k => k != "storage") ?? [])
            found.Add(Rules.DiskRequests.At($"{requests}[{request}]", "Only storage is known."));
        if (spec.Populator is { Image: not null, Filesystem: not null })
            found.Add(Rules.DiskPopulator.At($"{path}.template.spec.populator", "Only one of image and filesystem can be set."));
        if (spec.Resources?.Requests?.TryGetValue("storage", out var storage) == true)
        {
            if (!Quantity.TryParse(storage, out var quantity, out var error))
                found.Add(Rules.DiskSize.At($"{requests}[storage]", error));
            else if (quantity.Value <= 0 || quantity.Value % Quantity.GiB != 0 || quantity.Value / Quantity.GiB > int.MaxValue)
                found.Add(Rules.DiskSize.At($"{requests}[storage]", $"{storage} is not a whole number of GiB, 1 or more."));
        }
        else if (spec.Populator?.Image is null)
        {
            found.Add(Rules.DiskSize.At($"{requests}[storage]", "A data disk needs a size, such as storage: 10Gi."));
        }
    }

    private static void Files(string? name, string member, int? mode, List<KeyToPath>? items, string path, List<Violation> found)
    {
        if (string.IsNullOrEmpty(name))
            found.Add(Rules.FilesName.At($"{path}.{member}", $"The name of the {(member == "name" ? "ConfigMap" : "Secret")} is missing."));
        Mode(mode, $"{path}.defaultMode", found);
        for (var i = 0; i < (items?.Count ?? 0); i++)
        {
            var (item, at) = (items![i], ContainerRules.At($"{path}.items", i));
            if (item.Key.Length == 0)
                found.Add(Rules.FilesItem.At($"{at}.key", "A key is needed; it is empty."));
            if (item.Path.Length == 0 || item.Path.StartsWith('/') || item.Path.Split('/').Contains(".."))
                found.Add(Rules.FilesItem.At($"{at}.path", $"'{item.Path}' must be relative and without '..'."));
            Mode(item.Mode, $"{at}.mode", found);
        }
    }

    private static void Mode(int? mode, string path, List<Violation> found)
    {
        if (mode is < 0 or > MaxMode)
            found.Add(Rules.FilesMode.At(path, $"{mode} must be 0 to {MaxMode} (octal 0777); YAML reads 0644 as octal and JSON can't."));
    }
}

/// <summary>What an absent field of a disk stands for. Upstream's webhook writes nothing into objects, and neither does ours: the translation knows.</summary>
public static class DiskDefaults
{
    /// <summary>GiB of a disk with an image and without a size.</summary>
    public const int ImageGiB = 25;

    /// <param name="index">The volume's place in the spec, from 0.</param>
    public static string DeviceName(int index) => $"persistent-disk-{index}";
}
