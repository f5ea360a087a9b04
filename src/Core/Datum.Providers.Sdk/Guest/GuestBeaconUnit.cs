using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>The readiness beacon: a timer that makes one JSON report and sends it by the driver's route.</summary>
internal static class GuestBeaconUnit
{
    public const string TokenSource = "the beacon's token";

    private const string HeaderFile = "beacon.header";

    public static void Add(GuestPlan plan)
    {
        if (plan.Options.Beacon is not { } beacon)
            return;
        if (Send(plan, beacon) is not { } send)
            return;
        var script = plan.AddScript("beacon", Script(plan, send));
        plan.Units.Add(new GuestUnit("datum-beacon.service", $"""
            [Unit]
            Description=Report of the instance's readiness
            RequiresMountsFor={GuestPlan.Folder}

            [Service]
            Type=oneshot
            TimeoutStartSec=60
            ExecStart=/bin/sh {script}

            """, Enabled: false));
        plan.Units.Add(new GuestUnit("datum-beacon.timer", $"""
            [Unit]
            Description=Reports of the instance's readiness

            [Timer]
            OnActiveSec=1
            OnUnitInactiveSec={GuestText.Number(Math.Clamp(beacon.IntervalSeconds, 1, 3600))}
            AccuracySec=1

            [Install]
            WantedBy={GuestPlan.Target}

            """));
    }

    /// <summary>The command that takes the report from its input. These are the driver's own settings: a wrong one is a finding that no user can mend.</summary>
    private static string? Send(GuestPlan plan, GuestBeacon beacon)
    {
        if (beacon.Route == BeaconRoute.Http)
        {
            if (!Uri.TryCreate(beacon.Target, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.UserInfo.Length > 0 || beacon.Target.Any(char.IsControl))
                plan.Refuse("", "The driver's beacon has no absolute http or https URL.", "guestHealth");
            else if (beacon.Token is not { Length: > 0 } token || token.Any(c => c is < '!' or > '~'))
                plan.Refuse("", "The driver's beacon needs a token of printable ASCII characters.", "guestHealth");
            else
            {
                plan.AddSecret(HeaderFile, Encoding.ASCII.GetBytes($"Authorization: Bearer {token}\n"), TokenSource);
                // The token comes from a file: command lines can be read by every process.
                return $"curl -fsS -m 20 -o /dev/null -H 'Content-Type: application/json' -H @{GuestPlan.SecretFolder}/{HeaderFile} --data-binary @- {GuestText.Quote(beacon.Target)}";
            }
            return null;
        }
        if (beacon.Route == BeaconRoute.GuestInfo)
        {
            if (beacon.Target.StartsWith("guestinfo.", StringComparison.Ordinal) && beacon.Target.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
                return $"{{ report=$(cat); vmware-rpctool \"info-set {beacon.Target} $report\" >/dev/null; }}";
            plan.Refuse("", "The driver's beacon has no variable below guestinfo.", "guestHealth");
            return null;
        }
        if (!GuestText.IsMountPath(beacon.Target))
        {
            plan.Refuse("", "The driver's beacon has no absolute path of a device or file.", "guestHealth");
            return null;
        }
        switch (beacon.Route)
        {
            case BeaconRoute.Line:
                return $"{{ printf 'DATUM-BEACON '; cat; }} >{beacon.Target}";
            case BeaconRoute.File:
                return $"{{ cat >{beacon.Target}.new && mv {beacon.Target}.new {beacon.Target}; }}";
            default:
                plan.Refuse("", "The driver's beacon has no route.", "guestHealth");
                return null;
        }
    }

    private static string Script(GuestPlan plan, string send)
    {
        var text = new StringBuilder("""
            set -eu
            # Sockets in state 0A listen (TCP), in 07 are bound (UDP): what the kernel says needs no further tool.
            open() {
              if grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$2") [0-9A-F]+:0000 $3 " "/proc/net/$1" "/proc/net/${1}6" 2>/dev/null; then echo true; else echo false; fi
            }
            state() { systemctl is-active "$1" || true; }
            ready=true
            containers=
            disks=
            ports=
            port() { # NAME PORT PROTOCOL
              case $3 in
                TCP) listening=$(open tcp "$2" 0A) ;;
                UDP) listening=$(open udp "$2" 07) ;;
                *) listening=null ;;
              esac
              [ "$listening" != false ] || ready=false
              ports="$ports${ports:+,}{\"name\":\"$1\",\"port\":$2,\"protocol\":\"$3\",\"listening\":$listening}"
            }
            container() { # NAME, after its ports
              unit=datum-container-$1.service
              state=$(state "$unit")
              restarts=$(systemctl show --value -p NRestarts "$unit")
              [ "$state" = active ] || ready=false
              containers="$containers${containers:+,}{\"name\":\"$1\",\"state\":\"$state\",\"restarts\":${restarts:-0},\"ports\":[$ports]}"
              ports=
            }
            disk() { # NAME UNIT
              state=$(state "$2")
              [ "$state" = active ] || ready=false
              disks="$disks${disks:+,}{\"name\":\"$1\",\"state\":\"$state\"}"
            }

            """);
        foreach (var container in plan.Spec.Sandbox?.Containers.Where(c => GuestText.IsLabel(c.Name)) ?? [])
        {
            Ports(text, container.Ports);
            text.Append("container ").Append(container.Name).Append('\n');
        }
        if (plan.Spec.Machine is { } machine)
            Ports(text, machine.Ports);
        foreach (var (volume, units) in plan.VolumeUnits.OrderBy(v => v.Key, StringComparer.Ordinal))
            text.Append("disk ").Append(volume).Append(' ').Append(GuestText.Quote(units[^1])).Append('\n');
        var firewall = plan.Units.Any(u => u.Name == GuestPlan.FirewallUnit);
        text.Append(firewall ? $"firewall=$(state {GuestPlan.FirewallUnit})\n[ \"$firewall\" = active ] || ready=false\n" : "firewall=none\n");
        text.Append($"secrets=$(state {GuestPlan.SecretsUnit})\n");
        text.Append("uptime=$(cut -d. -f1 /proc/uptime)\nboot=$(cat /proc/sys/kernel/random/boot_id)\n");
        text.Append($"printf '{{\"version\":1,\"hostname\":\"%s\",\"boot\":\"%s\",\"uptimeSeconds\":%s,\"time\":%s,\"ready\":%s,\"firewall\":\"%s\",\"secrets\":\"%s\",\"containers\":[%s],\"ports\":[%s],\"disks\":[%s]}}\\n' ");
        text.Append($"{GuestText.Quote(GuestText.IsLabel(plan.Spec.Hostname) ? plan.Spec.Hostname : "")} \"$boot\" \"$uptime\" \"$(date +%s)\" \"$ready\" \"$firewall\" \"$secrets\" \"$containers\" \"$ports\" \"$disks\" | {send}\n");
        return text.ToString();
    }

    private static void Ports(StringBuilder text, ImmutableArray<PortSpec> ports)
    {
        foreach (var port in ports)
            text.Append("port ").Append(GuestText.Quote(port.Name)).Append(' ').Append(GuestText.Number(port.Port)).Append(' ').Append(GuestText.Quote(port.Protocol)).Append('\n');
    }
}
