using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Files;

/// <summary>
/// A module whose parameters have no memory yet (<see cref="Parts.Blueprint{T}"/>): gives them tensors, by name.
/// </summary>
internal sealed class Blueprint(nn.Module module)
{
    private readonly Dictionary<string, nn.Module> _owners =
        module.named_modules().Append((name: "", module)).DistinctBy(m => m.name).ToDictionary(m => m.name, m => m.module);

    /// <param name="name">Full name of a parameter.</param>
    /// <param name="value">Becomes the parameter, frozen.</param>
    public void Replace(string name, Tensor value)
    {
        var dot = name.LastIndexOf('.');
        var parameter = new Parameter(value.contiguous(), requires_grad: false);
        Assign(_owners[dot < 0 ? "" : name[..dot]], name[(dot + 1)..], parameter);
    }

    private static void Assign(nn.Module owner, string name, Parameter value)
    {
        switch (owner)
        {
            case IHoldsParameters holder:
                holder.Replace(name, value);
                break;
            case Linear linear when name == "weight":
                linear.weight = value;
                break;
            case Linear linear:
                linear.bias = value;
                break;
            case Conv2d convolution when name == "weight":
                convolution.weight = value;
                break;
            case Conv2d convolution:
                convolution.bias = value;
                break;
            case GroupNorm norm when name == "weight":
                norm.weight = value;
                break;
            case GroupNorm norm:
                norm.bias = value;
                break;
            case LayerNorm norm when name == "weight":
                norm.weight = value;
                break;
            case LayerNorm norm:
                norm.bias = value;
                break;
            default:
                throw new InvalidOperationException(
                    $"{owner.GetName()}.{name} was built without memory, and nothing here can give it any");
        }
    }
}
