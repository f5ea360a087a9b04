namespace Datum.Providers.Sdk;

/// <summary>
/// Data disks: the link under /dev/disk/by-id, the filesystem where there is none yet, the mounts. A disk that holds anything is never
/// formatted: another filesystem than the wished one is a failed unit, not a loss.
/// </summary>
internal static class GuestDisks
{
    private static readonly ImmutableArray<string> Filesystems = ["ext4", "xfs", "btrfs"];

    /// <summary>Where udev says a disk's serial, by bus.</summary>
    private static readonly ImmutableArray<string> SerialKeys = ["ID_SERIAL", "ID_SERIAL_SHORT", "ID_SCSI_SERIAL"];

    /// <summary>Where the disk of a sandbox's volume is mounted in the guest.</summary>
    public static string FolderOf(string volume) => $"{GuestPlan.Folder}/disks/{volume}";

    public static string DeviceOf(DiskVolume disk) => $"/dev/disk/by-id/datumcloud-{disk.DeviceName}";

    public static void Add(GuestPlan plan)
    {
        CheckBoot(plan);
        var disks = plan.Spec.Volumes.Where(v => v.Disk is not null && GuestText.IsLabel(v.Name) && v.Name != plan.Spec.Machine?.BootVolume).ToList();
        foreach (var twin in disks.GroupBy(v => v.Disk!.DeviceName, StringComparer.Ordinal).Where(g => g.Count() > 1))
            plan.Refuse($"volumes[{twin.Last().Name}].disk.deviceName", $"'{twin.Key}' is the device name of two disks.");
        var links = new List<string>();
        foreach (var volume in disks)
        {
            var disk = volume.Disk!;
            var path = $"volumes[{volume.Name}].disk";
            var serial = plan.Options.DiskSerials.GetValueOrDefault(disk.DeviceName, disk.DeviceName);
            if (!GuestText.IsDeviceName(disk.DeviceName))
                plan.Refuse($"{path}.deviceName", $"'{GuestFiles.Shown(disk.DeviceName)}' isn't 1 to 63 of A-Z, a-z, 0-9 and -_. that begin with a letter or digit.");
            else if (!GuestText.IsDeviceName(serial))
                plan.Refuse($"{path}.deviceName", "The serial that the driver names for it can't stand in a udev rule.");
            else if (disk.Filesystem is { } filesystem && !Filesystems.Contains(filesystem))
                plan.Refuse($"{path}.filesystem", $"'{GuestFiles.Shown(filesystem)}' is none of {string.Join(", ", Filesystems)}.", "filesystem");
            else
            {
                links.AddRange(SerialKeys.Select(key =>
                    $"ACTION!=\"remove\", SUBSYSTEM==\"block\", ENV{{DEVTYPE}}==\"disk\", ENV{{{key}}}==\"{serial}\", SYMLINK+=\"disk/by-id/datumcloud-{disk.DeviceName}\"\n"));
                Units(plan, volume.Name, disk);
            }
        }
        if (links.Count == 0)
            return;
        // After 60-persistent-storage.rules, which finds the serials.
        plan.AddText("/etc/udev/rules.d/90-datumcloud.rules", 0b110_100_100, string.Concat(links));
        plan.AddScript("disk", Script);
    }

    private static void CheckBoot(GuestPlan plan)
    {
        if (plan.Spec.Machine is not { } machine)
            return;
        var boot = plan.Spec.Volumes.FirstOrDefault(v => v.Name == machine.BootVolume);
        if (boot?.Disk is not { } disk)
        {
            plan.Refuse("machine.bootVolume", $"There is no disk volume '{GuestFiles.Shown(machine.BootVolume)}'.");
            return;
        }
        if (disk.Filesystem is not null)
            plan.Refuse($"volumes[{boot.Name}].disk.filesystem", "The boot disk's filesystem is the image's.", "filesystem");
        if (machine.Mounts.Any(m => m.Volume == machine.BootVolume))
            plan.Refuse($"machine.mounts[{machine.BootVolume}]", "The boot disk is the root of the machine and can't be mounted elsewhere.");
    }

    private static void Units(GuestPlan plan, string volume, DiskVolume disk)
    {
        var unit = $"datum-disk-{volume}.service";
        plan.Units.Add(new GuestUnit(unit, $"""
            [Unit]
            Description=Data disk {disk.DeviceName}
            RequiresMountsFor={GuestPlan.Folder}

            [Service]
            Type=oneshot
            RemainAfterExit=yes
            TimeoutStartSec=infinity
            ExecStart=/bin/sh {GuestPlan.Folder}/bin/disk.sh {disk.DeviceName} {disk.Filesystem}

            [Install]
            WantedBy={GuestPlan.Target}

            """));
        plan.VolumeUnits[volume] = [unit];
        if (plan.Spec.Machine is { } machine)
        {
            foreach (var mount in machine.Mounts.Where(m => m.Volume == volume && m.Path is not null))
            {
                if (!GuestText.IsMountPath(mount.Path!))
                    plan.Refuse($"machine.mounts[{volume}].path", $"'{GuestFiles.Shown(mount.Path!)}' is no absolute path below the root of A-Z, a-z, 0-9 and /-_.@+=.");
                else if (disk.Filesystem is null)
                    plan.Refuse($"volumes[{volume}].disk.filesystem", "A disk without a filesystem can't be mounted: set one, or leave the path out and use the device.");
                else if (plan.Units.Any(u => u.Name == GuestText.MountUnit(mount.Path!)))
                    plan.Refuse($"machine.mounts[{volume}].path", $"Two mounts have the path '{mount.Path}'.");
                else
                    Mount(plan, volume, disk, mount.Path!, mount.ReadOnly);
            }
        }
        else if (disk.Filesystem is not null)
        {
            // Each container's own wish for read-only is part of its bind mount.
            Mount(plan, volume, disk, FolderOf(volume), readOnly: false);
        }
    }

    private static void Mount(GuestPlan plan, string volume, DiskVolume disk, string path, bool readOnly)
    {
        var unit = GuestText.MountUnit(path);
        plan.VolumeUnits[volume].Add(unit);
        plan.Units.Add(new GuestUnit(unit, $"""
            [Unit]
            Description=Mount of data disk {disk.DeviceName}
            Requires=datum-disk-{volume}.service
            After=datum-disk-{volume}.service

            [Mount]
            What={DeviceOf(disk)}
            Where=/{string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries))}
            Type={disk.Filesystem}
            Options={(readOnly ? "ro" : "rw")}

            [Install]
            WantedBy={GuestPlan.Target}

            """));
    }

    /// <summary>Arguments: device name, filesystem or nothing. blkid -p reads the disk itself: 2 is "nothing found", 8 "more than one thing".</summary>
    private const string Script = """
        set -eu
        device=/dev/disk/by-id/datumcloud-$1
        # The rule for the link came after udev had seen the disks.
        udevadm control --reload
        udevadm trigger --action=change --subsystem-match=block
        until [ -b "$device" ]; do sleep 1; done
        [ -n "${2:-}" ] || exit 0
        code=0
        found=$(blkid -p -s TYPE -s PTTYPE -o value "$device") || code=$?
        if [ "$code" = 0 ] && [ "$found" = "$2" ]; then exit 0; fi
        if [ "$code" != 2 ] || [ -n "$(wipefs --noheadings "$device")" ]; then
          echo "$device holds '$found' and not '$2': it is left as it is" >&2
          exit 1
        fi
        case $2 in
          ext4) mkfs.ext4 -q -E lazy_itable_init=1 "$device" ;;
          *) "mkfs.$2" "$device" ;;
        esac
        udevadm settle

        """;
}
