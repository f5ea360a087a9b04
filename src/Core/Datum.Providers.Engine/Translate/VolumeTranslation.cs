using Datum.Providers.Resources;
using Compute = Datum.Providers.Resources.Compute;

namespace Datum.Providers.Engine.Translate;

/// <summary>Volumes of an instance: boot disk, data disks (entries of their own), files.</summary>
internal static class VolumeTranslation
{
    private const int ImageDiskGiB = 25;

    public static (ImmutableArray<VolumeSpec> Volumes, ImmutableDictionary<string, DiskSpec> Disks) Translate(
        Compute.InstanceSpec spec, Capabilities capabilities, Func<string, string> diskEntry, List<Finding> findings)
    {
        var volumes = ImmutableArray.CreateBuilder<VolumeSpec>();
        var disks = ImmutableDictionary.CreateBuilder<string, DiskSpec>(StringComparer.Ordinal);
        for (var i = 0; i < (spec.Volumes?.Count ?? 0); i++)
        {
            var volume = spec.Volumes![i];
            var path = $"spec.volumes[{volume.Name}]";
            if (volume.Disk is { } disk)
                Disk(volume.Name, disk, i, path, diskEntry, volumes, disks, findings);
            else if (volume.ConfigMap is { } map)
                volumes.Add(new VolumeSpec { Name = volume.Name, Files = Files(map.Name, false, map.DefaultMode, map.Items, map.Optional, path, findings) });
            else if (volume.Secret is { } secret)
            {
                if (capabilities.Secrets is SecretRoute.None)
                    findings.Add(new Finding { Path = path, Message = "The platform of this Location has no route for secrets.", Capability = "secrets" });
                volumes.Add(new VolumeSpec { Name = volume.Name, Files = Files(secret.SecretName ?? "", true, secret.DefaultMode, secret.Items, secret.Optional, path, findings) });
            }
            else
                findings.Add(new Finding { Path = path, Message = "One of disk, configMap and secret must be set." });
        }
        if (disks.Count > capabilities.MaxDataDisks)
            findings.Add(new Finding
            {
                Path = "spec.volumes", Capability = "maxDataDisks",
                Message = $"{disks.Count} data disks are asked for; the platform takes {capabilities.MaxDataDisks}.",
            });
        return (volumes.ToImmutable(), disks.ToImmutable());
    }

    private static void Disk(
        string name, Compute.DiskVolume disk, int index, string path, Func<string, string> diskEntry,
        ImmutableArray<VolumeSpec>.Builder volumes, ImmutableDictionary<string, DiskSpec>.Builder disks, List<Finding> findings)
    {
        var template = disk.Template.Spec;
        var device = disk.DeviceName ?? $"persistent-disk-{index}";
        foreach (var request in template.Resources?.Requests?.Keys.Where(k => k != "storage") ?? [])
            findings.Add(new Finding { Path = $"{path}.disk.template.spec.resources.requests.{request}", Message = "Only storage is known." });
        int? size = null;
        if (template.Resources?.Requests?.TryGetValue("storage", out var storage) == true)
        {
            if (!Quantity.TryParse(storage, out var quantity, out var error))
            {
                findings.Add(new Finding { Path = $"{path}.disk.template.spec.resources.requests.storage", Message = error });
                return;
            }
            if (quantity.ToInt64() % Quantity.GiB != 0)
            {
                findings.Add(new Finding { Path = $"{path}.disk.template.spec.resources.requests.storage", Message = $"{storage} is not a whole number of GiB." });
                return;
            }
            size = (int)(quantity.ToInt64() / Quantity.GiB);
        }
        if (template.Populator?.Image is { } image)
        {
            volumes.Add(new VolumeSpec
            {
                Name = name,
                Disk = new DiskVolume { Image = image.Name, SizeGiB = size ?? ImageDiskGiB, Type = template.Type, DeviceName = device },
            });
            return;
        }
        if (size is null)
        {
            findings.Add(new Finding { Path = $"{path}.disk.template.spec.resources.requests.storage", Message = "A data disk needs a size." });
            return;
        }
        var filesystem = template.Populator?.Filesystem?.Type;
        disks[name] = new DiskSpec { SizeGiB = size.Value, Type = template.Type, Filesystem = filesystem };
        volumes.Add(new VolumeSpec
        {
            Name = name,
            Disk = new DiskVolume { Disk = new Reference { Name = diskEntry(name) }, DeviceName = device, Filesystem = filesystem },
        });
    }

    private static FilesVolume Files(
        string name, bool secret, int? mode, List<Compute.KeyToPath>? items, bool? optional, string path, List<Finding> findings)
    {
        if (name.Length == 0)
            findings.Add(new Finding { Path = path, Message = "The name of the config map or secret is missing." });
        foreach (var item in items ?? [])
            if (item.Path.StartsWith('/') || item.Path.Split('/').Contains(".."))
                findings.Add(new Finding { Path = $"{path}.items[{item.Key}].path", Message = $"'{item.Path}' must be relative and without '..'." });
        return new FilesVolume
        {
            Payload = new PayloadReference { Name = name, Secret = secret, Optional = optional == true },
            Mode = mode,
            Items = [.. (items ?? []).Select(i => new FileItem { Key = i.Key, Path = i.Path, Mode = i.Mode })],
        };
    }
}
