using System.Security.Cryptography;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>A digest of what needs a new guest when it changes.</summary>
internal static class GuestHash
{
    public static string Of(InstanceSpec spec, bool guestFirewall)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            Text(json, "hostname", spec.Hostname);
            if (spec.TerminationGraceSeconds is { } grace)
                json.WriteNumber("grace", grace);
            List(json, "volumes", spec.Volumes, Volume);
            if (spec.Machine is { } machine)
                Machine(json, machine);
            if (spec.Sandbox is { } sandbox)
            {
                List(json, "pullSecrets", sandbox.PullSecrets, Payload);
                List(json, "containers", sandbox.Containers, Container);
            }
            // Elsewhere the rules are the platform's, which changes them in place.
            if (guestFirewall)
                List(json, "interfaces", spec.Interfaces, Interface);
            json.WriteEndObject();
        }
        return Convert.ToHexStringLower(SHA256.HashData(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
    }

    private static void List<T>(Utf8JsonWriter json, string name, ImmutableArray<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
            write(json, item);
        json.WriteEndArray();
    }

    private static void Text(Utf8JsonWriter json, string name, string? value)
    {
        // A lone surrogate is refused by rendering; here it must only not throw.
        if (value is not null)
            json.WriteString(name, GuestText.IsText(value) ? value : "\0" + Convert.ToHexString(System.Text.Encoding.Unicode.GetBytes(value)));
    }

    private static void Number(Utf8JsonWriter json, string name, int? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
    }

    private static void Words(Utf8JsonWriter json, string name, ImmutableArray<string> words) => List(json, name, words, (j, word) =>
    {
        j.WriteStartObject();
        Text(j, "w", word);
        j.WriteEndObject();
    });

    private static void Payload(Utf8JsonWriter json, PayloadReference payload)
    {
        json.WriteStartObject();
        Text(json, "name", payload.Name);
        json.WriteBoolean("secret", payload.Secret);
        json.WriteBoolean("optional", payload.Optional);
        Text(json, "hash", payload.Hash);
        json.WriteEndObject();
    }

    private static void Volume(Utf8JsonWriter json, VolumeSpec volume)
    {
        json.WriteStartObject();
        Text(json, "name", volume.Name);
        if (volume.Disk is { } disk)
        {
            Text(json, "device", disk.DeviceName);
            Text(json, "filesystem", disk.Filesystem);
        }
        if (volume.Files is { } files)
        {
            json.WritePropertyName("payload");
            Payload(json, files.Payload);
            Number(json, "mode", files.Mode);
            List(json, "items", files.Items, (j, item) =>
            {
                j.WriteStartObject();
                Text(j, "key", item.Key);
                Text(j, "path", item.Path);
                Number(j, "mode", item.Mode);
                j.WriteEndObject();
            });
        }
        json.WriteEndObject();
    }

    private static void Mount(Utf8JsonWriter json, MountSpec mount)
    {
        json.WriteStartObject();
        Text(json, "volume", mount.Volume);
        Text(json, "path", mount.Path);
        json.WriteBoolean("readOnly", mount.ReadOnly);
        json.WriteEndObject();
    }

    private static void Port(Utf8JsonWriter json, PortSpec port)
    {
        json.WriteStartObject();
        Text(json, "name", port.Name);
        json.WriteNumber("port", port.Port);
        Text(json, "protocol", port.Protocol);
        json.WriteEndObject();
    }

    private static void Machine(Utf8JsonWriter json, MachineSpec machine)
    {
        Text(json, "bootVolume", machine.BootVolume);
        Words(json, "sshKeys", machine.SshKeys);
        List(json, "ports", machine.Ports, Port);
        List(json, "mounts", machine.Mounts, Mount);
    }

    private static void Container(Utf8JsonWriter json, ContainerSpec container)
    {
        json.WriteStartObject();
        Text(json, "name", container.Name);
        Text(json, "image", container.Image);
        Words(json, "command", container.Command);
        Words(json, "args", container.Args);
        List(json, "environment", container.Environment, Variable);
        List(json, "ports", container.Ports, Port);
        List(json, "mounts", container.Mounts, Mount);
        if (container.Limits is { } limits)
        {
            json.WriteStartObject("limits");
            Number(json, "cpuMillis", limits.CpuMillis);
            Number(json, "memoryMiB", limits.MemoryMiB);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void Variable(Utf8JsonWriter json, EnvironmentVariable variable)
    {
        json.WriteStartObject();
        Text(json, "name", variable.Name);
        Text(json, "value", variable.Value);
        if (variable.From is { } from)
        {
            json.WritePropertyName("from");
            Payload(json, from.Payload);
            Text(json, "key", from.Key);
            json.WriteBoolean("optional", from.Optional);
        }
        if (variable.AllOf is { } all)
        {
            json.WritePropertyName("allOf");
            Payload(json, all);
        }
        json.WriteEndObject();
    }

    private static void Interface(Utf8JsonWriter json, InterfaceSpec link)
    {
        json.WriteStartObject();
        Text(json, "name", link.Name);
        if (link.Ingress is { } ingress)
        {
            // The order of rules means nothing.
            List(json, "ingress", [.. ingress.OrderBy(r => r.Source, StringComparer.Ordinal).ThenBy(r => r.Protocol, StringComparer.Ordinal).ThenBy(r => r.Port).ThenBy(r => r.EndPort)], (j, rule) =>
            {
                j.WriteStartObject();
                Text(j, "protocol", rule.Protocol);
                Number(j, "port", rule.Port);
                Number(j, "endPort", rule.EndPort);
                Text(j, "source", rule.Source);
                j.WriteEndObject();
            });
        }
        json.WriteEndObject();
    }
}
