namespace Datum.Providers.Sdk;

/// <summary>Config maps and secrets as files: staged in our folder, then bind-mounted where the spec wants them.</summary>
internal static class GuestFiles
{
    private const int DefaultMode = 0b110_100_100;

    public static void Add(GuestPlan plan)
    {
        foreach (var volume in plan.Spec.Volumes)
        {
            var path = $"volumes[{volume.Name}]";
            if (!GuestText.IsLabel(volume.Name))
                plan.Refuse(path, $"'{volume.Name}' is no DNS label.");
            else if (volume.Disk is null == volume.Files is null)
                plan.Refuse(path, "A volume is a disk or files.");
            else if (volume.Files is { } files)
                Stage(plan, volume.Name, files, $"{path}.files");
        }
        if (plan.Spec.Machine is { } machine)
            Mount(plan, machine);
    }

    /// <summary>Where the files of a volume lie in the guest.</summary>
    public static string FolderOf(string volume, FilesVolume files) =>
        $"{(files.Payload.Secret ? GuestPlan.SecretFolder : GuestPlan.Folder)}/files/{volume}";

    private static void Stage(GuestPlan plan, string volume, FilesVolume files, string path)
    {
        if (files.Payload.Secret)
            plan.SecretDirectories.Add($"files/{volume}");
        else
            plan.Directories.Add((FolderOf(volume, files), 0b111_101_101));
        if (files.Mode is < 0 or > 0b111_111_111)
            plan.Refuse($"{path}.mode", "File modes are 0 to 0777.");
        var contents = plan.Payloads.Find(files.Payload);
        if (contents is null)
        {
            if (!files.Payload.Optional)
                plan.Refuse($"{path}.payload", $"There is no {GuestPlan.SourceOf(files.Payload)}.");
            contents = ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty;
        }
        IEnumerable<FileItem> items = files.Items.IsEmpty
            ? contents.Keys.Order(StringComparer.Ordinal).Select(k => new FileItem { Key = k, Path = k })
            : files.Items;
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in items)
        {
            var at = $"{path}.items[{item.Key}]";
            if (item.Mode is < 0 or > 0b111_111_111)
                plan.Refuse($"{at}.mode", "File modes are 0 to 0777.");
            if (!GuestText.IsRelativePath(item.Path))
                plan.Refuse($"{at}.path", $"'{Shown(item.Path)}' isn't a relative path inside the volume without '..' and control characters.");
            else if (!taken.Add(item.Path) || taken.Any(t => t.StartsWith(item.Path + "/", StringComparison.Ordinal) || item.Path.StartsWith(t + "/", StringComparison.Ordinal)))
                plan.Refuse($"{at}.path", $"'{item.Path}' is taken by another item.");
            else if (contents.TryGetValue(item.Key, out var content))
                Put(plan, volume, files, item, content);
            else if (!files.Payload.Optional)
                plan.Refuse($"{at}.key", $"There is no key '{Shown(item.Key)}' in {GuestPlan.SourceOf(files.Payload)}.");
        }
    }

    private static void Put(GuestPlan plan, string volume, FilesVolume files, FileItem item, ReadOnlyMemory<byte> content)
    {
        var mode = item.Mode ?? files.Mode ?? DefaultMode;
        var source = GuestPlan.SourceOf(files.Payload);
        plan.Weigh(source, content.Length, files.Payload.Secret);
        if (files.Payload.Secret)
            plan.AddSecret($"files/{volume}/{item.Path}", content, source, mode);
        else
            plan.Files.Add(new GuestFile($"{FolderOf(volume, files)}/{item.Path}", mode, content, source));
    }

    private static void Mount(GuestPlan plan, MachineSpec machine)
    {
        foreach (var mount in machine.Mounts)
        {
            var path = $"machine.mounts[{mount.Volume}]";
            var volume = plan.Spec.Volumes.FirstOrDefault(v => v.Name == mount.Volume);
            if (volume is null)
                plan.Refuse(path, "There is no such volume.");
            else if (volume.Files is not { } files)
                continue;
            else if (mount.Path is null)
                plan.Refuse($"{path}.path", "Files have no device: the mount needs a path.");
            else if (GuestText.IsMountPath(mount.Path))
                plan.Units.Add(new GuestUnit(GuestText.MountUnit(mount.Path), $"""
                    [Unit]
                    Description=Files of volume {volume.Name}
                    {(files.Payload.Secret && !plan.SecretsInUserData ? $"Requires={GuestPlan.SecretsUnit}\nAfter={GuestPlan.SecretsUnit}" : $"RequiresMountsFor={GuestPlan.Folder}")}

                    [Mount]
                    What={FolderOf(volume.Name, files)}
                    Where=/{string.Join('/', mount.Path.Split('/', StringSplitOptions.RemoveEmptyEntries))}
                    Type=none
                    Options={(mount.ReadOnly ? "bind,ro" : "bind")}

                    [Install]
                    WantedBy={GuestPlan.Target}

                    """));
            else
                plan.Refuse($"{path}.path", $"'{Shown(mount.Path)}' is no absolute path below the root of A-Z, a-z, 0-9 and /-_.@+=.");
        }
        foreach (var twin in plan.Units.GroupBy(u => u.Name, StringComparer.Ordinal).Where(g => g.Count() > 1))
            plan.Refuse("machine.mounts", $"Two mounts have the same path ({twin.Key}).");
    }

    /// <summary>What a user wrote, without control characters, for a finding.</summary>
    public static string Shown(string text) =>
        string.Concat(text.Take(120).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
}
