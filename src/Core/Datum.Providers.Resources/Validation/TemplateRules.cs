using System.Globalization;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.Resources.Validation;

/// <summary>Where a template stands in its object.</summary>
/// <param name="Spec">The path of the instance's spec.</param>
/// <param name="Metadata">The path of the metadata that instances get.</param>
public sealed record TemplatePlace(string Spec, string Metadata)
{
    /// <summary>In an Instance itself.</summary>
    public static TemplatePlace Instance { get; } = new("spec", "metadata");

    /// <summary>In a Workload or WorkloadDeployment.</summary>
    public static TemplatePlace Template { get; } = new("spec.template.spec", "spec.template.metadata");
}

/// <summary>What an instance's spec must be on every platform. Pure: the webhook, <c>validate</c> and the translation into a platform's terms ask the same.</summary>
public static class TemplateRules
{
    /// <summary>Everything that is wrong, in the order of the spec.</summary>
    /// <param name="annotations">Of the template or the Instance.</param>
    /// <param name="ns">The object's namespace; null where it isn't known.</param>
    public static IReadOnlyList<Violation> Check(InstanceSpec spec, IReadOnlyDictionary<string, string>? annotations, string? ns, TemplatePlace place)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(place);
        var found = new List<Violation>();
        Runtime(spec, annotations, place, found);
        Interfaces(spec, ns, place.Spec, found);
        VolumeRules.Check(spec, place.Spec, found);
        UnknownMembers.Check(spec, place.Spec, found);
        Annotated(annotations, place.Metadata, found);
        return found;
    }

    private static void Runtime(InstanceSpec spec, IReadOnlyDictionary<string, string>? annotations, TemplatePlace place, List<Violation> found)
    {
        var path = $"{place.Spec}.runtime";
        var runtime = spec.Runtime;
        if (runtime.Resources.Requests is { Count: > 0 })
            found.Add(Rules.RuntimeRequests.At($"{path}.resources.requests", "Requests beside an instance type are not supported; choose another instance type."));
        if (runtime.Class is { Length: > 0 } runtimeClass)
            found.Add(Rules.RuntimeClass.At($"{path}.class", $"Runtime class '{runtimeClass}' is not supported yet; leave it out.", "runtimeClass"));
        if (runtime.Sandbox is null == runtime.VirtualMachine is null)
            found.Add(Rules.RuntimeOne.At(path, $"Exactly one of sandbox and virtualMachine must be set, found {(runtime.Sandbox is null ? "none" : "both")}."));
        if (runtime.Sandbox is { } sandbox)
            ContainerRules.Check(spec, sandbox, $"{path}.sandbox", found);
        if (runtime.VirtualMachine is not { } machine)
            return;
        path += ".virtualMachine";
        ContainerRules.Ports(machine.Ports, path, found);
        ContainerRules.Attachments(spec, machine.VolumeAttachments, path, found);
        if (machine.VolumeAttachments.Count == 0)
            found.Add(Rules.MachineBoot.At($"{path}.volumeAttachments", "The first attachment must be the boot disk; there is none."));
        else if (spec.Volumes?.Find(v => v.Name == machine.VolumeAttachments[0].Name) is { } boot && boot.Disk?.Template.Spec.Populator?.Image is null)
            found.Add(Rules.MachineBoot.At($"{path}.volumeAttachments[0].name", $"The first attachment must be a disk with an image; volume '{boot.Name}' has none."));
        Keys(annotations?.GetValueOrDefault(Annotations.SshKeys), $"{place.Metadata}.annotations[{Annotations.SshKeys}]", found);
    }

    private static void Keys(string? text, string path, List<Violation> found)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            found.Add(Rules.MachineKeys.At(path, "A virtual machine needs at least one line user:public-key."));
            return;
        }

        var lines = text.Trim().Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var at = string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]");
            if (line.Length == 0)
                continue;
            // What isn't in order is never quoted: people paste private keys.
            if (colon < 0 || line.AsSpan(0, colon).ContainsAny(' ', '\t'))
                found.Add(Rules.MachineKeys.At(at, "The line has no user before a colon; write user:public-key."));
            else if (!IsUserName(line[..colon]))
                found.Add(Rules.MachineKeys.At(at, "The user before the colon must be 1 to 32 of a-z, 0-9, '_' and '-', and begin with a letter or '_'."));
            else if (!SshKeys.TryParse(line[(colon + 1)..].Trim(), out var error))
                found.Add(Rules.MachineKeys.At(at, $"Behind the colon of user '{line[..colon]}' stands {error}."));
        }
    }

    private static bool IsUserName(string name) =>
        name.Length is >= 1 and <= 32 && (char.IsAsciiLetterLower(name[0]) || name[0] == '_')
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-');

    private static void Interfaces(InstanceSpec spec, string? ns, string path, List<Violation> found)
    {
        path += ".networkInterfaces";
        if (spec.NetworkInterfaces.Count == 0)
            found.Add(Rules.InterfaceCount.At(path, "At least one interface is needed."));
        for (var i = 0; i < spec.NetworkInterfaces.Count; i++)
        {
            var network = spec.NetworkInterfaces[i].Network;
            var at = string.Create(CultureInfo.InvariantCulture, $"{path}[{i}].network");
            if (!NameForms.IsDnsLabel(network.Name))
                found.Add(Rules.InterfaceNetwork.At($"{at}.name", $"'{network.Name}' is no DNS label (1 to 63 of a-z, 0-9 and '-', no '-' at the ends)."));
            if (ns is not null && network.Namespace is { Length: > 0 } other && other != ns)
                found.Add(Rules.InterfaceNamespace.At($"{at}.namespace", $"A Network of another namespace ('{other}') can't be used; use one of {ns}.", "network.namespace"));
        }
    }

    private static void Annotated(IReadOnlyDictionary<string, string>? annotations, string metadata, List<Violation> found)
    {
        if (annotations?.GetValueOrDefault(Annotations.Suspended) is { } suspended and not ("true" or "false"))
            found.Add(Rules.Suspended.At($"{metadata}.annotations[{Annotations.Suspended}]", $"'{suspended}' must be \"true\" or \"false\"."));
        if (annotations?.GetValueOrDefault(Annotations.TerminationGrace) is { } grace && !GoDuration.TryParse(grace, out _, out var error))
            found.Add(Rules.Grace.At($"{metadata}.annotations[{Annotations.TerminationGrace}]", error));
    }
}
