using System.Formats.Tar;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>Secrets by the driver's route: into user data where that is allowed, else as a document that a unit of the guest waits for.</summary>
internal static class GuestSecrets
{
    private const string RevisionFile = ".revision";

    /// <summary>Returns the document, or null where none is needed. Called last: by then every secret is known.</summary>
    public static ReadOnlyMemory<byte>? Add(GuestPlan plan)
    {
        if (plan.HasSecrets && Refused(plan) is { } reason)
        {
            foreach (var source in plan.SecretFiles.Select(f => f.Source).Concat(EmptyVolumes(plan)).Distinct(StringComparer.Ordinal))
                plan.Refuse(PathOf(plan, source), $"There is no way for {source} into the guest: {reason}", "secrets");
            return null;
        }
        plan.Directories.Add((GuestPlan.SecretFolder, 0b111_000_000));
        if (plan.HasSecrets && plan.SecretsInUserData)
        {
            foreach (var folder in plan.SecretDirectories)
                plan.Directories.Add(($"{GuestPlan.SecretFolder}/{folder}", 0b111_101_101));
            foreach (var file in plan.SecretFiles)
                plan.Files.Add(file with { Path = $"{GuestPlan.SecretFolder}/{file.Path}" });
        }
        var wait = plan.HasSecrets && !plan.SecretsInUserData;
        var script = plan.AddScript("secrets", wait ? Waiting(plan) : "exit 0\n");
        plan.Units.Add(new GuestUnit(GuestPlan.SecretsUnit, $"""
            [Unit]
            Description=Secrets of the instance
            RequiresMountsFor={GuestPlan.Folder}

            [Service]
            Type=oneshot
            RemainAfterExit=yes
            TimeoutStartSec=infinity
            ExecStart=/bin/sh {script}

            [Install]
            WantedBy={GuestPlan.Target}

            """));
        return wait ? Archive(plan) : default(ReadOnlyMemory<byte>?);
    }

    private static string? Refused(GuestPlan plan) => plan.Options.Secrets switch
    {
        SecretRoute.None => "the platform has no route for secrets.",
        SecretRoute.UserData when !plan.Options.AllowSecretsInUserData =>
            "its only route is user data, and the ProviderConfig doesn't set allowSecretsInUserData.",
        SecretRoute.Store when plan.Options.SecretsCommand.IsEmpty => "the driver names no command that reads them from the platform's store.",
        SecretRoute.GuestChannel when !GuestText.IsMountPath(plan.Options.SecretsPath) => "the driver's secrets path isn't an absolute path.",
        SecretRoute.SeedMedium when !GuestText.IsDeviceName(plan.Options.SecretsLabel) => "the driver's secrets label isn't a volume label.",
        _ => null,
    };

    /// <summary>A volume may have no file and still be of a secret.</summary>
    private static IEnumerable<string> EmptyVolumes(GuestPlan plan) =>
        plan.Spec.Volumes.Where(v => v.Files is { Payload.Secret: true }).Select(v => GuestPlan.SourceOf(v.Files!.Payload));

    private static string PathOf(GuestPlan plan, string source)
    {
        foreach (var volume in plan.Spec.Volumes)
            if (volume.Files is { } files && GuestPlan.SourceOf(files.Payload) == source)
                return $"volumes[{volume.Name}].files.payload";
        if (source == GuestBeaconUnit.TokenSource)
            return "sandbox";
        foreach (var container in plan.Spec.Sandbox?.Containers ?? [])
            if (GuestEnvironment.SourceOf(container) == source)
                return $"sandbox.containers[{container.Name}].env";
        return "sandbox.pullSecrets";
    }

    private static string Waiting(GuestPlan plan) => $$"""
        set -eu
        umask 077
        folder={{GuestPlan.SecretFolder}}
        wanted={{plan.Revision}}
        # On disk they outlive a reboot: the document comes once.
        if [ "$(cat "$folder/{{RevisionFile}}" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
        fetch() {
          {{Fetch(plan.Options)}}
        }
        while :; do
          rm -rf "$folder.new"
          mkdir -p "$folder.new"
          # The revision is the archive's last entry: without it the document isn't whole yet, or another one's.
          if fetch 2>/dev/null | tar -x -p --no-same-owner -C "$folder.new" -f - 2>/dev/null && [ "$(cat "$folder.new/{{RevisionFile}}" 2>/dev/null)" = "$wanted" ]; then break; fi
          sleep 1
        done
        chmod 0700 "$folder.new"
        rm -rf "$folder"
        mv "$folder.new" "$folder"
        # Whoever brought them takes them away when this unit is active.
        sync
        {{(plan.Options.Secrets == SecretRoute.GuestChannel ? $"rm -f {plan.Options.SecretsPath}" : ":")}}

        """;

    private static string Fetch(GuestOptions options) => options.Secrets switch
    {
        SecretRoute.GuestChannel => $"cat {options.SecretsPath}",
        SecretRoute.SeedMedium => string.Join("\n  ",
            "mkdir -p /run/datum-medium",
            $"mount -o ro /dev/disk/by-label/{options.SecretsLabel} /run/datum-medium || return 1",
            "cat /run/datum-medium/secrets.tar",
            "umount /run/datum-medium"),
        _ => string.Join(' ', options.SecretsCommand.Select(GuestText.Quote)),
    };

    /// <summary>Equal secrets make equal bytes: sorted entries, no owner, no time.</summary>
    private static ReadOnlyMemory<byte> Archive(GuestPlan plan)
    {
        using var stream = new MemoryStream();
        using (var tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true))
        {
            void Write(TarEntryType type, string name, int mode, ReadOnlyMemory<byte> content)
            {
                var entry = new PaxTarEntry(type, name, []) { Mode = (UnixFileMode)mode, ModificationTime = DateTimeOffset.UnixEpoch };
                if (type == TarEntryType.RegularFile)
                    entry.DataStream = new MemoryStream(content.ToArray(), writable: false);
                tar.WriteEntry(entry);
            }

            var folders = plan.SecretDirectories.Concat(plan.SecretFiles.SelectMany(f => Parents(f.Path))).Concat(plan.SecretDirectories.SelectMany(Parents));
            foreach (var folder in folders.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
                Write(TarEntryType.Directory, folder + "/", 0b111_101_101, default);
            foreach (var file in plan.SecretFiles.OrderBy(f => f.Path, StringComparer.Ordinal))
                Write(TarEntryType.RegularFile, file.Path, file.Mode, file.Content);
            Write(TarEntryType.RegularFile, RevisionFile, 0b110_000_000, Encoding.UTF8.GetBytes(plan.Revision));
        }
        return stream.ToArray();
    }

    private static IEnumerable<string> Parents(string path)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
            yield return path[..slash];
    }
}
