using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>
/// The pod: one systemd unit a container, each a <c>podman run</c> on the guest's own network, so that containers share addresses and ports
/// as in a pod and the guest's firewall is theirs. podman 4.3 (Debian 12) knows no quadlet.
/// </summary>
internal static class GuestContainers
{
    private const string AuthFile = "auth.json";

    public static string UnitOf(string container) => $"datum-container-{container}.service";

    public static void Add(GuestPlan plan)
    {
        if (plan.Spec.Sandbox is not { } sandbox)
            return;
        if (sandbox.Containers.IsEmpty)
            plan.Refuse("sandbox.containers", "A sandbox has at least one container.");
        foreach (var twin in sandbox.Containers.GroupBy(c => c.Name, StringComparer.Ordinal).Where(g => g.Count() > 1))
            plan.Refuse($"sandbox.containers[{GuestFiles.Shown(twin.Key)}]", "Two containers have this name.");
        var ports = sandbox.Containers.SelectMany(c => c.Ports.Select(p => (Container: c.Name, Port: p)));
        foreach (var twin in ports.GroupBy(p => (p.Port.Port, p.Port.Protocol)).Where(g => g.Count() > 1))
            plan.Refuse($"sandbox.containers[{GuestFiles.Shown(twin.Last().Container)}].ports[{twin.Last().Port.Name}].port",
                $"{twin.Key.Port}/{twin.Key.Protocol} is taken: the containers of a sandbox share one network.");
        var auth = PullSecrets.Merge(plan, sandbox.PullSecrets);
        if (auth is { } document)
            plan.AddSecret(AuthFile, document, "the pull secrets");
        foreach (var container in sandbox.Containers)
        {
            if (!GuestText.IsLabel(container.Name))
                plan.Refuse($"sandbox.containers[{GuestFiles.Shown(container.Name)}].name", $"'{GuestFiles.Shown(container.Name)}' is no DNS label.");
            else
                Container(plan, container, auth is not null);
        }
    }

    private static void Container(GuestPlan plan, ContainerSpec container, bool auth)
    {
        var path = $"sandbox.containers[{container.Name}]";
        GuestBase.Ports(plan, path, container.Ports);
        var image = ImageName(container.Image);
        if (image is null)
            plan.Refuse($"{path}.image", $"'{GuestFiles.Shown(container.Image)}' is no image reference.");
        foreach (var (name, words) in new[] { ("command", container.Command), ("args", container.Args) })
            if (words.Any(w => w.Contains('\0', StringComparison.Ordinal) || !GuestText.IsText(w)))
                plan.Refuse($"{path}.{name}", "A word holds NUL or isn't Unicode text.");
        if (container.Limits is { CpuMillis: <= 0 } or { MemoryMiB: <= 0 })
            plan.Refuse($"{path}.limits", "Limits are above zero.");

        var script = new StringBuilder("set -eu\n");
        var run = new StringBuilder($"exec podman run --name datum-{container.Name} --replace --detach --sdnotify=conmon --cgroups=no-conmon"
            + " --network host --http-proxy=false --log-driver journald");
        if (auth)
            run.Append(CultureInfo.InvariantCulture, $" --authfile {GuestPlan.SecretFolder}/{AuthFile}");
        var needs = new List<string>();
        GuestEnvironment.Add(plan, container, path, script, run);
        if (container.Limits?.CpuMillis is { } cpu)
            run.Append(CultureInfo.InvariantCulture, $" --cpus {cpu / 1000}.{cpu % 1000:000}");
        if (container.Limits?.MemoryMiB is { } memory)
            run.Append(CultureInfo.InvariantCulture, $" --memory {memory}m");
        foreach (var mount in container.Mounts)
            Mount(plan, mount, $"{path}.mounts[{mount.Volume}]", run, needs);
        foreach (var twin in container.Mounts.Where(m => m.Path is not null).GroupBy(m => m.Path!.TrimEnd('/'), StringComparer.Ordinal).Where(g => g.Count() > 1))
            plan.Refuse($"{path}.mounts[{twin.Last().Volume}].path", $"'{GuestFiles.Shown(twin.Key)}' is taken by another mount.");
        // An entry point that is given leaves out the image's own arguments, as a Kubernetes command does.
        if (container.Command.Length > 0)
            run.Append(CultureInfo.InvariantCulture, $" --entrypoint {GuestText.Quote(JsonArray(container.Command))}");
        run.Append(' ').Append(GuestText.Quote(image ?? ""));
        foreach (var word in container.Args)
            run.Append(' ').Append(GuestText.Quote(word));
        script.Append(run).Append('\n');
        Unit(plan, container, plan.AddScript($"container-{container.Name}", script.ToString()), needs);
    }

    private static void Unit(GuestPlan plan, ContainerSpec container, string script, List<string> needs)
    {
        var grace = plan.Spec.TerminationGraceSeconds ?? 30;
        if (plan.Options.Firewall == FirewallScope.Guest && plan.Spec.Interfaces.Any(i => i.Ingress is not null))
            needs.Insert(0, GuestPlan.FirewallUnit);
        // Whether there is a secret at all is known once every container was rendered; waiting for none costs nothing.
        needs.Insert(0, GuestPlan.SecretsUnit);
        plan.Units.Add(new GuestUnit(UnitOf(container.Name), string.Create(CultureInfo.InvariantCulture, $"""
            [Unit]
            Description=Container {container.Name}
            Wants=network-online.target
            Requires={string.Join(' ', needs.Distinct())}
            After=network-online.target {string.Join(' ', needs.Distinct())}
            StartLimitIntervalSec=0

            [Service]
            Type=notify
            NotifyAccess=all
            Restart=always
            RestartSec=5
            # Pulling the image is part of it.
            TimeoutStartSec=1800
            TimeoutStopSec={grace + 30}
            ExecStart=/bin/sh {script}
            ExecStop=podman stop --ignore --time {grace} datum-{container.Name}
            ExecStopPost=-podman rm --force --ignore --time 0 datum-{container.Name}

            [Install]
            WantedBy={GuestPlan.Target}

            """)));
    }

    private static void Mount(GuestPlan plan, MountSpec mount, string path, StringBuilder run, List<string> needs)
    {
        var volume = plan.Spec.Volumes.FirstOrDefault(v => v.Name == mount.Volume);
        if (volume is null)
        {
            plan.Refuse(path, "There is no such volume.");
            return;
        }
        if (mount.Path is { } where && !GuestText.IsMountPath(where))
        {
            plan.Refuse($"{path}.path", $"'{GuestFiles.Shown(where)}' is no absolute path below the root of A-Z, a-z, 0-9 and /-_.@+=.");
            return;
        }
        if (volume.Files is { } files)
        {
            if (mount.Path is null)
                plan.Refuse($"{path}.path", "Files have no device: the mount needs a path.");
            // Always read-only, as config maps and secrets are in a pod.
            run.Append(CultureInfo.InvariantCulture, $" --volume {GuestFiles.FolderOf(volume.Name, files)}:{mount.Path}:ro");
        }
        else if (volume.Disk is { } disk && GuestText.IsDeviceName(disk.DeviceName))
        {
            needs.AddRange(plan.VolumeUnits.GetValueOrDefault(volume.Name, []));
            if (mount.Path is null)
                run.Append(CultureInfo.InvariantCulture, $" --device \"$(readlink -f {GuestDisks.DeviceOf(disk)})\":{GuestDisks.DeviceOf(disk)}:{(mount.ReadOnly ? "r" : "rw")}");
            else if (disk.Filesystem is null)
                plan.Refuse($"volumes[{volume.Name}].disk.filesystem", "A disk without a filesystem can't be mounted: set one, or leave the path out and use the device.");
            else
                run.Append(CultureInfo.InvariantCulture, $" --volume {GuestDisks.FolderOf(volume.Name)}:{mount.Path}:{(mount.ReadOnly ? "ro" : "rw")}");
        }
    }

    /// <summary>The whole name: without a registry it is Docker Hub's, without a folder there it is in <c>library</c>. Null for none.</summary>
    private static string? ImageName(string image)
    {
        if (image.Length is 0 or > 4096 || image[0] is '-' or '/' || image[^1] is '/' or ':' or '@'
            || image.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '/' or ':' or '@')))
            return null;
        var slash = image.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : image[..slash];
        if (first.Contains('.', StringComparison.Ordinal) || first.Contains(':', StringComparison.Ordinal) || first == "localhost")
            return image;
        return slash < 0 ? $"docker.io/library/{image}" : $"docker.io/{image}";
    }

    private static string JsonArray(ImmutableArray<string> words)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartArray();
            foreach (var word in words)
            {
                if (GuestText.IsText(word))
                    json.WriteStringValue(word);
            }
            json.WriteEndArray();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
