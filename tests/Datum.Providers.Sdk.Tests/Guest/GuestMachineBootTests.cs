using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>
/// A machine instead of a sandbox: users, files, a disk whose serial isn't its name, secrets in user data and the beacon as lines of a serial
/// port. A probe of the test (vendor data, as a platform's own scripts are) reports what came of it on another port.
/// </summary>
[Category("Guests")]
internal sealed class GuestMachineBootTests
{
    private const string Probe = """
        #!/bin/sh
        cat >/run/probe.sh <<'SH'
        until [ "$(systemctl is-active datum-guest.target)" = active ]; do sleep 1; done
        {
          echo "hostname $(hostname)"
          echo "link $(readlink -f /dev/disk/by-id/datumcloud-data)"
          echo "source $(findmnt -n -o SOURCE,FSTYPE /srv/my-data | tr -s ' ')"
          echo "options-app $(findmnt -n -o OPTIONS /etc/app | cut -d, -f1)"
          echo "options-keys $(findmnt -n -o OPTIONS /etc/keys | cut -d, -f1)"
          for file in /etc/app/conf.d/app.conf /etc/keys/password /var/lib/datum/secrets /etc/sudoers.d/90-datum-users ~ana/.ssh/authorized_keys /root/.ssh/authorized_keys; do
            echo "mode $file $(stat -c %a "$file")"
          done
          echo "app $(base64 -w0 /etc/app/conf.d/app.conf)"
          echo "password $(base64 -w0 /etc/keys/password)"
          echo "ana $(grep -c '^ssh-ed25519 ' ~ana/.ssh/authorized_keys) $(getent passwd ana | cut -d: -f7)"
          echo "root-key $(grep -c '^ssh-ed25519 ' /root/.ssh/authorized_keys)"
          echo "default-user $(getent passwd debian | wc -l)"
          echo "grace $(systemctl show --value -p DefaultTimeoutStopUSec)"
          echo end
        } >/dev/ttyS2
        SH
        systemd-run --unit=probe sh /run/probe.sh

        """;

    [Test, CancelAfter(600_000)]
    public async Task A_rendered_machine_boots_and_is_what_its_specification_says(CancellationToken cancellation)
    {
        var image = GuestTools.Require("guests", "DATUM_GUEST_IMAGE");
        var folder = Directory.CreateTempSubdirectory("datum-guest-").FullName;
        var watch = Stopwatch.StartNew();
        try
        {
            var rendered = Guests.Render(Guests.Machine with { Interfaces = [new InterfaceSpec { Name = "eth0" }], Machine = Guests.Machine.Machine! with { Ports = [] } }, new GuestOptions
            {
                Form = UserDataForm.CloudInit,
                MaxUserDataBytes = 65536,
                Secrets = SecretRoute.UserData,
                AllowSecretsInUserData = true,
                DiskSerials = ImmutableDictionary<string, string>.Empty.Add("data", "volume-0815"),
                Beacon = new GuestBeacon { Route = BeaconRoute.Line, Target = "/dev/ttyS1", IntervalSeconds = 3 },
            });
            var seed = await GuestMedia.IsoAsync(folder, "cidata",
                ("user-data", rendered.UserData.ToArray()), ("meta-data", "instance-id: boot-test-2\n"u8.ToArray()), ("vendor-data", Encoding.ASCII.GetBytes(Probe)));
            (string, string, string?, bool)[] disks =
            [
                (await GuestMedia.OverlayAsync(folder, image), "qcow2", null, false), (seed, "raw", null, true),
                (GuestMedia.EmptyDisk(folder, "other", 64), "raw", "other", false), (GuestMedia.EmptyDisk(folder, "data", 256), "raw", "volume-0815", false),
            ];

            await using var guest = await QemuGuest.StartAsync(image, folder, "machine", disks, null, cancellation);
            var beacon = await LineAsync(guest, guest.Console + "1", l => l.StartsWith("DATUM-BEACON ", StringComparison.Ordinal) && l.Contains("\"ready\":true", StringComparison.Ordinal), cancellation);
            GuestMedia.Report(watch, beacon);
            var report = JsonNode.Parse(beacon["DATUM-BEACON ".Length..])!;
            await LineAsync(guest, guest.Console + "2", l => l == "end", cancellation);
            var lines = await ReadAsync(guest.Console + "2", cancellation);
            Assert.Multiple(() =>
            {
                Assert.That(report["hostname"]!.GetValue<string>(), Is.EqualTo("vm-0"));
                Assert.That(report["disks"]!.ToJsonString(), Is.EqualTo("""[{"name":"data","state":"active"}]"""));
                Assert.That(lines, Is.SupersetOf(new[]
                {
                    "hostname vm-0", "options-app ro", "options-keys rw",
                    "link /dev/vdd", "source /dev/vdd ext4",
                    "mode /etc/app/conf.d/app.conf 600", "mode /etc/keys/password 644", "mode /var/lib/datum/secrets 700", "mode /etc/sudoers.d/90-datum-users 440",
                    $"mode {Path.AltDirectorySeparatorChar}home/ana/.ssh/authorized_keys 600", "mode /root/.ssh/authorized_keys 600",
                    $"app {Convert.ToBase64String("listen = 8080\n"u8)}",
                    "ana 1 /bin/bash", "root-key 1", "default-user 0", "grace 40s",
                }));
                Assert.That(lines.Contains($"password {Convert.ToBase64String(Encoding.UTF8.GetBytes(Guests.Canary))}"), "/etc/keys/password");
            });
            GuestMedia.Report(watch, "host name, users, keys, files, secrets and disk are as specified");
            await guest.PowerDownAsync(cancellation);
        }
        catch (Exception)
        {
            await GuestMedia.ShowConsolesAsync(folder);
            throw;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> LineAsync(QemuGuest guest, string file, Func<string, bool> wanted, CancellationToken cancellation)
    {
        while (true)
        {
            Assert.That(guest.Exited, Is.False, "QEMU has ended");
            if ((await ReadAsync(file, cancellation)).LastOrDefault(wanted) is { } line)
                return line;
            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellation);
        }
    }

    /// <summary>The whole lines so far; a serial port ends them with carriage return and line feed.</summary>
    private static async Task<string[]> ReadAsync(string file, CancellationToken cancellation)
    {
        var text = (await File.ReadAllTextAsync(file, cancellation)).ReplaceLineEndings("\n");
        return text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
