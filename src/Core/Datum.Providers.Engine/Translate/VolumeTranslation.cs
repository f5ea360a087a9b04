using Datum.Providers.Resources;
using Datum.Providers.Resources.Validation;
using Compute = Datum.Providers.Resources.Compute;

namespace Datum.Providers.Engine.Translate;

/// <summary>Volumes of an instance: boot disk, data disks (entries of their own), files.</summary>
internal static class VolumeTranslation
{
    public static (ImmutableArray<VolumeSpec> Volumes, ImmutableDictionary<string, DiskSpec> Disks) Translate(
        Compute.InstanceSpec spec, Capabilities capabilities, Func<string, string> diskEntry, List<Finding> findings)
    {
        var volumes = ImmutableArray.CreateBuilder<VolumeSpec>();
        var disks = ImmutableDictionary.CreateBuilder<string, DiskSpec>(StringComparer.Ordinal);
        for (var i = 0; i < (spec.Volumes?.Count ?? 0); i++)
        {
            var volume = spec.Volumes![i];
            // What is broken was found with the instance's own rules, and is left out here.
            if (volume.Disk is { } disk)
                Disk(volume.Name, disk, i, diskEntry, volumes, disks);
            else if (volume.ConfigMap is { } map)
                volumes.Add(new VolumeSpec { Name = volume.Name, Files = Files(map.Name, false, map.DefaultMode, map.Items, map.Optional) });
            else if (volume.Secret is { } secret)
            {
                if (capabilities.Secrets is SecretRoute.None)
                    findings.Add(new Finding { Path = $"spec.volumes[{i}].secret", Message = "The platform of this Location has no route for secrets.", Capability = "secrets" });
                volumes.Add(new VolumeSpec { Name = volume.Name, Files = Files(secret.SecretName ?? "", true, secret.DefaultMode, secret.Items, secret.Optional) });
            }
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
        string name, Compute.DiskVolume disk, int index, Func<string, string> diskEntry,
        ImmutableArray<VolumeSpec>.Builder volumes, ImmutableDictionary<string, DiskSpec>.Builder disks)
    {
        var template = disk.Template.Spec;
        var device = disk.DeviceName ?? DiskDefaults.DeviceName(index);
        int? size = template.Resources?.Requests?.TryGetValue("storage", out var storage) == true && Quantity.TryParse(storage, out var quantity, out _)
            ? (int)(quantity.Value / Quantity.GiB) : null;
        if (template.Populator?.Image is { } image)
        {
            volumes.Add(new VolumeSpec
            {
                Name = name,
                Disk = new DiskVolume { Image = image.Name, SizeGiB = size ?? DiskDefaults.ImageGiB, Type = template.Type, DeviceName = device },
            });
            return;
        }
        var filesystem = template.Populator?.Filesystem?.Type;
        disks[name] = new DiskSpec { SizeGiB = size ?? 0, Type = template.Type, Filesystem = filesystem };
        volumes.Add(new VolumeSpec
        {
            Name = name,
            Disk = new DiskVolume { Disk = new Reference { Name = diskEntry(name) }, DeviceName = device, Filesystem = filesystem },
        });
    }

    private static FilesVolume Files(string name, bool secret, int? mode, List<Compute.KeyToPath>? items, bool? optional) => new()
    {
        Payload = new PayloadReference { Name = name, Secret = secret, Optional = optional == true },
        Mode = mode,
        Items = [.. (items ?? []).Select(i => new FileItem { Key = i.Key, Path = i.Path, Mode = i.Mode })],
    };
}
