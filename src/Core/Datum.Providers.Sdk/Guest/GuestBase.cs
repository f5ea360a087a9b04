using System.Globalization;

namespace Datum.Providers.Sdk;

/// <summary>Host name, users, the target that holds all units together, and the shape of the spec itself.</summary>
internal static class GuestBase
{
    public static void Add(GuestPlan plan)
    {
        var spec = plan.Spec;
        if (!GuestText.IsLabel(spec.Hostname))
            plan.Refuse("hostname", $"'{spec.Hostname}' is no DNS label.");
        if (spec.Sandbox is null == spec.Machine is null)
            plan.Refuse("sandbox", "Exactly one of sandbox and machine must be set.");
        if (spec.TerminationGraceSeconds is < 0 or > 86400)
            plan.Refuse("terminationGraceSeconds", $"{spec.TerminationGraceSeconds} is not between 0 and 86400 seconds.");
        foreach (var twin in spec.Volumes.GroupBy(v => v.Name, StringComparer.Ordinal).Where(g => g.Count() > 1))
            plan.Refuse($"volumes[{twin.Key}]", "Two volumes have this name.");
        if (plan.Options.Form == UserDataForm.Ignition && plan.Options.Packages.Length > 0)
            plan.Refuse("sandbox", "Ignition can't install packages: the image must hold podman and nftables.", "packages");
        plan.Units.Add(new GuestUnit(GuestPlan.Target, """
            [Unit]
            Description=What the instance's specification asks for

            [Install]
            WantedBy=multi-user.target

            """));
        // A machine stops its services within this time when the platform asks it to shut down.
        if (spec.Machine is not null && spec.TerminationGraceSeconds is { } grace)
            plan.AddText("/etc/systemd/system.conf.d/50-datum.conf", 0b110_100_100, string.Create(CultureInfo.InvariantCulture, $"""
                [Manager]
                DefaultTimeoutStopSec={grace}s

                """));
        if (spec.Machine is { } machine)
        {
            Users(plan, machine);
            Ports(plan, "machine", machine.Ports);
        }
    }

    /// <summary>Refuses what can't be listened on. Nothing is forwarded: what the guest listens on is what the network reaches.</summary>
    public static void Ports(GuestPlan plan, string owner, ImmutableArray<PortSpec> ports)
    {
        foreach (var port in ports)
        {
            var path = $"{owner}.ports[{port.Name}]";
            if (port.Port is < 1 or > 65535)
                plan.Refuse($"{path}.port", $"{port.Port} is not between 1 and 65535.");
            if (port.Protocol is not ("TCP" or "UDP" or "SCTP"))
                plan.Refuse($"{path}.protocol", $"'{port.Protocol}' is none of TCP, UDP and SCTP.");
            if (port.Name.Length is 0 or > 15 || !port.Name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') || !port.Name.Any(char.IsAsciiLetterLower))
                plan.Refuse(path, $"'{port.Name}' is no IANA service name.");
        }
    }

    private static void Users(GuestPlan plan, MachineSpec machine)
    {
        var users = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
        for (var i = 0; i < machine.SshKeys.Length; i++)
        {
            var path = $"machine.sshKeys[{GuestText.Number(i)}]";
            var colon = machine.SshKeys[i].IndexOf(':', StringComparison.Ordinal);
            var (name, key) = colon < 0 ? ("", "") : (machine.SshKeys[i][..colon], machine.SshKeys[i][(colon + 1)..].Trim());
            if (!IsUserName(name))
                plan.Refuse(path, $"The user before the colon ('{name}') must be 1 to 32 of a-z, 0-9, '_' and '-' and begin with a letter or '_'.");
            else if (!IsPublicKey(key))
                plan.Refuse(path, "What stands behind the colon is no OpenSSH public key (type, base64, comment) on one line.");
            else if (users.TryGetValue(name, out var keys))
                keys.Add(key);
            else
                users[name] = [key];
        }
        foreach (var (name, keys) in users)
            plan.Users.Add(new GuestUser(name, [.. keys.Distinct(StringComparer.Ordinal)]));
        var sudoers = users.Keys.Where(n => n != "root").ToList();
        if (plan.Options.UsersMaySudo && sudoers.Count > 0)
            plan.AddText("/etc/sudoers.d/90-datum-users", 0b100_100_000, string.Concat(sudoers.Select(n => $"{n} ALL=(ALL) NOPASSWD:ALL\n")));
    }

    private static bool IsUserName(string name) =>
        name.Length is >= 1 and <= 32 && (char.IsAsciiLetterLower(name[0]) || name[0] == '_')
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-');

    /// <summary>Type and key material; options before the type (command=...) aren't taken.</summary>
    private static bool IsPublicKey(string key)
    {
        var words = key.Split(' ', 3);
        return !key.Any(char.IsControl) && GuestText.IsText(key) && words.Length >= 2 && words[0].Length is > 3 and < 64
            && words[0].All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '@')
            && words[1].Length >= 16 && Convert.TryFromBase64String(words[1], new byte[words[1].Length], out _);
    }
}
