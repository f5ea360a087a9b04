namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>The rules with real traffic between two network namespaces: a guest that also forwards a port, and somebody outside.</summary>
internal sealed class GuestFirewallTests
{
    private const string Script = """
        set -eu
        guest=datum-guest-$$ outside=datum-outside-$$ servers=
        cleanup() {
          for server in $servers; do kill "$server" 2>/dev/null || true; done
          ip netns del "$guest" 2>/dev/null || true
          ip netns del "$outside" 2>/dev/null || true
        }
        trap cleanup EXIT
        ip netns add "$guest"
        ip netns add "$outside"
        ip link add dev0 netns "$guest" type veth peer name dev0 netns "$outside"
        for side in "$guest 1" "$outside 2"; do
          set -- $side
          ip -n "$1" address add "192.0.2.$2/24" dev dev0
          ip -n "$1" address add "2001:db8::$2/64" dev dev0 nodad
          ip -n "$1" link set lo up
          ip -n "$1" link set dev0 up
        done
        # As a container engine forwards: outside 8080, inside 9000.
        ip netns exec "$guest" nft 'table ip nat { chain pre { type nat hook prerouting priority dstnat; tcp dport 8080 redirect to :9000; }; }'
        ip netns exec "$guest" "$NFT" -f "$RULES"
        # A second load replaces the first.
        ip netns exec "$guest" "$NFT" -f "$RULES"
        ip netns exec "$guest" busybox httpd -f -p 9000 -h "$PAGES" & servers=$!
        ip netns exec "$outside" busybox httpd -f -p 9001 -h "$PAGES" & servers="$servers $!"
        until ip netns exec "$guest" busybox wget -q -O /dev/null http://127.0.0.1:9000/; do :; done
        until ip netns exec "$outside" busybox wget -q -O /dev/null http://127.0.0.1:9001/; do :; done
        get() { # NAMESPACE URL
          if ip netns exec "$1" timeout 3 busybox wget -q -O - "$2" 2>/dev/null; then :; else echo blocked; fi
        }
        echo "forwarded: $(get "$outside" http://192.0.2.1:8080/)"
        echo "behind the forwarding: $(get "$outside" http://192.0.2.1:9000/)"
        echo "IPv6, allowed: $(get "$outside" 'http://[2001:db8::1]:9000/')"
        echo "from inside: $(get "$guest" http://192.0.2.2:9001/)"
        """;

    [Test]
    public async Task Rules_mean_the_ports_that_the_sender_used_in_both_families()
    {
        var nft = GuestTools.RequireNft();
        foreach (var program in new[] { "ip", "busybox" })
            if ((await GuestTools.RunAsync("/bin/sh", ["-c", $"command -v {program}"])).Code != 0)
                throw Datum.Providers.Testing.SharedFolder.Missing("podman", $"{program} is not installed");
        var spec = Guests.Sandbox with
        {
            Interfaces =
            [
                new InterfaceSpec
                {
                    Name = "eth0",
                    Ingress =
                    [
                        new IngressRule { Protocol = "TCP", Port = 8079, EndPort = 8081, Source = "192.0.2.0/24" },
                        new IngressRule { Protocol = "TCP", Port = 9000, Source = "2001:db8::/32" },
                    ],
                },
            ],
        };
        Assert.That(await TryAsync(nft, spec), Is.EqualTo(new[] { "forwarded: yes", "behind the forwarding: blocked", "IPv6, allowed: yes", "from inside: yes" }));
        var closed = spec with { Interfaces = [spec.Interfaces[0] with { Ingress = [] }] };
        Assert.That(await TryAsync(nft, closed), Is.EqualTo(new[] { "forwarded: blocked", "behind the forwarding: blocked", "IPv6, allowed: blocked", "from inside: yes" }));
    }

    private static async Task<string[]> TryAsync(string nft, InstanceSpec spec)
    {
        var folder = Directory.CreateTempSubdirectory("datum-firewall-").FullName;
        try
        {
            var rules = Path.Combine(folder, "rules.nft");
            await File.WriteAllTextAsync(rules, Rendered.CloudFiles(Guests.Render(spec))["/var/lib/datum/firewall.nft"].Text);
            await File.WriteAllTextAsync(Path.Combine(folder, "index.html"), "yes");
            var (code, output) = await GuestTools.RunAsync("/bin/sh", ["-c", $"NFT={nft} RULES={rules} PAGES={folder}\n{Script}"]);
            Assert.That(code, Is.Zero, output);
            return [.. output.Split('\n').Where(l => l.Contains(": ", StringComparison.Ordinal) && !l.StartsWith("wget", StringComparison.Ordinal))];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
